{# A table with a contract is filled first, and its keys come then: their rows are sorted or looked up once, and not one by one.
   A table that a key refers to is held only while that is done. What a table is clustered by lies together in it: a daily build
   replaces the rows of few, and so reads and writes few pages of many. #}
{% macro postgres__create_table_as(temporary, relation, sql) -%}
    {%- set is_bound = config.get('contract').enforced and not temporary -%}
    {#- A model ends in `select * from <last>`: said there, an order that its windows have made is not made again. -#}
    {%- set in_order = '\norder by ' ~ config.get('cluster_by') | join(', ') if config.get('cluster_by') else '' -%}
    {{ config.get('sql_header') or '' }}
    create {{ 'temporary' if temporary else 'unlogged' if config.get('unlogged') else '' }} table {{ relation }}
    {%- if is_bound %}
        {{- get_assert_columns_equivalent(sql) }} (
        {{ (adapter.render_raw_columns_constraints(raw_columns=model['columns']) + bound_by(['check', 'custom'])) | join(', ') }}
    );
    insert into {{ relation }} ({{ adapter.dispatch('get_column_names', 'dbt')() }})
    {{ get_select_subquery(sql ~ in_order) }};
        {%- for key in bound_by(['primary_key', 'unique', 'foreign_key']) %}
    alter table {{ relation }} add {{ key }};
        {%- endfor %}
    {%- else %} as (
        {{ sql ~ in_order }}
    );
    {%- endif %}
{%- endmacro %}

{# A model's own constraints of these kinds, as the server reads them. #}
{% macro bound_by(kinds) -%}
    {%- set found = [] -%}
    {%- for constraint in model['constraints'] if constraint.type in kinds -%}
        {%- do found.extend(adapter.render_raw_model_constraints(raw_constraints=[constraint])) -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

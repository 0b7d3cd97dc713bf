{# Keeps a model of the decisions as a view too, `<model>__asked`, that decides for one address at any moment from the standing
   timeline: the settings optkeeper.address and optkeeper.as_of of the reader's session say which. It is the model's own SQL, as
   it was compiled, over the rows of that address; an evaluation answers its questions itself and needs none, and a daily build
   leaves the view that is there: it reads what stands. #}
{% macro asked_on_request() %}{{ return(adapter.dispatch('asked_on_request')()) }}{% endmacro %}
{% macro default__asked_on_request() %}{% endmacro %}
{% macro postgres__asked_on_request() %}
{%- if execute and not is_evaluation() and not is_daily() -%}
    {%- set as_of = "cast(current_setting('optkeeper.as_of') as timestamptz)" -%}
    {%- set of_the_address = " where address = current_setting('optkeeper.address'))" -%}
    {%- set view = this.incorporate(
        path={'schema': generate_schema_name('intermediate', none), 'identifier': this.identifier ~ '__asked'}, type='view'
    ) -%}
    {%- set asked = namespace(sql=model.compiled_code) -%}
    {%- for node_id in model.depends_on.nodes -%}
        {%- set node = graph.nodes[node_id] -%}
        {%- set read = node.relation_name -%}
        {%- if node.name == 'decision_moments' -%}
            {%- set narrowed = '(select world_id, ' ~ as_of ~ ' as as_of from ' ~ read ~ ')' -%}
        {%- elif node.name == 'builds' -%}
            {%- set narrowed = '(select ' ~ local_date(as_of) ~ ' as decided_on)' -%}
        {%- elif node.name in ('int_timeline__intervals', 'int_restrictions__standing') -%}
            {%- set narrowed = '(select * from ' ~ read ~ of_the_address -%}
        {%- elif node.name.startswith('int_decisions__') -%}
            {%- set narrowed = view.incorporate(path={'identifier': node.name ~ '__asked'}) | string -%}
        {%- else -%}
            {%- set narrowed = read -%}
        {%- endif -%}
        {%- set asked.sql = asked.sql | replace(read, narrowed) -%}
    {%- endfor -%}
    drop view if exists {{ view }} cascade;
    create view {{ view }} as {{ asked.sql }}
{%- endif -%}
{% endmacro %}

{# Models whose columns are some of a canonical event's, under each other with all of them: what a model does not name is null.
   A name that is no column of a canonical event is an error. #}
{% macro union_of_events(models) %}
    {%- set types = canonical_event_types() -%}
    {%- set known = types | map(attribute=0) | list -%}
    {%- for model in models %}
    {%- set named = adapter.get_columns_in_relation(ref(model)) | map(attribute='name') | list if execute else [] -%}
    {%- for name in named if name not in known -%}
        {{ exceptions.raise_compiler_error(model ~ ": " ~ name ~ " is no column of a canonical event") }}
    {%- endfor %}
    select
        {%- for name, type in types %}
        cast({{ name if name in named else 'null' }} as {{ type }}) as {{ name }}{{ "," if not loop.last }}
        {%- endfor %}
    from {{ ref(model) }}
    {%- if not loop.last %}

    union all
    {% endif %}
    {%- endfor %}
{%- endmacro %}

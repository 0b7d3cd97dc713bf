{# The names and texts of a JSON object's members, as rows of (name, cell); joined laterally. #}
{% macro json_cells(document) %}{{ return(adapter.dispatch('json_cells')(document)) }}{% endmacro %}
{% macro default__json_cells(document) -%}
    lateral jsonb_each_text({{ document }}) as cells (name, cell)
{%- endmacro %}

{# The parts of a text that a pattern's groups match, as an array; null where it does not match. #}
{% macro matched_parts(text, pattern) %}{{ return(adapter.dispatch('matched_parts')(text, pattern)) }}{% endmacro %}
{% macro default__matched_parts(text, pattern) -%}
    regexp_match({{ text }}, '{{ pattern }}')
{%- endmacro %}

{# The members of a JSON object as rows of (name, value); none where it is no object. Joined laterally. #}
{% macro json_members(document) %}{{ return(adapter.dispatch('json_members')(document)) }}{% endmacro %}
{% macro default__json_members(document) -%}
    lateral (
        select members.name, members.value
        from jsonb_each(case when jsonb_typeof({{ document }}) = 'object' then {{ document }} else '{}' end) as members (name, value)
    )
{%- endmacro %}

{# The elements of a JSON array as rows of (value, place), from 1 on; none where it is no array. Joined laterally. #}
{% macro json_elements(document) %}{{ return(adapter.dispatch('json_elements')(document)) }}{% endmacro %}
{% macro default__json_elements(document) -%}
    lateral (
        select elements.value, elements.place
        from jsonb_array_elements(case when jsonb_typeof({{ document }}) = 'array' then {{ document }} else '[]' end)
            with ordinality as elements (value, place)
    )
{%- endmacro %}

{# A member of a JSON object as text, by a name that a row gives. #}
{% macro json_text(document, name) %}{{ return(adapter.dispatch('json_text')(document, name)) }}{% endmacro %}
{% macro default__json_text(document, name) -%}
    ({{ document }} ->> {{ name }})
{%- endmacro %}

{# The parts of a text that a sign separates, as rows of (part, place), from 1 on. Joined laterally. #}
{% macro text_parts(text, sign) %}{{ return(adapter.dispatch('text_parts')(text, sign)) }}{% endmacro %}
{% macro default__text_parts(text, sign) -%}
    lateral (select parts.part, parts.place from string_to_table({{ text }}, '{{ sign }}') with ordinality as parts (part, place))
{%- endmacro %}

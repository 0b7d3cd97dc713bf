{# A model's schema is the one its layer names, whatever the profile's own is; a question about another state of knowledge
   is answered in schemas of its own, beside the standing build. The pages for readers speak of the marts as published. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- if var('published', false) and custom_schema_name == 'candidate' -%}
        marts
    {%- else -%}
        {{ var('schema_prefix', '') }}{{ custom_schema_name | trim if custom_schema_name else target.schema }}
    {%- endif -%}
{%- endmacro %}

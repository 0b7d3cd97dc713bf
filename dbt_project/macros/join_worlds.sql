{# R8: in which worlds is a received version of an event known? Those of an unknown type say nothing in any. #}
{% macro join_worlds() -%}
    inner join event_types on event_types.event_type = received.event_type
    {%- if is_evaluation() %}
    inner join members on members.event_key = received.event_key
    inner join worlds on worlds.world_id = members.world_id and received.received_at <= worlds.known_at
    {%- else %}
    inner join worlds on received.received_at <= worlds.known_at
    {%- endif %}
{%- endmacro %}

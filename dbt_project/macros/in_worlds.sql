{# Joins versions of events with the worlds that know them; an evaluation's worlds each have events of their own. #}
{% macro in_worlds(versions) %}
{%- if is_evaluation() %}
    inner join members on members.event_key = {{ versions }}.event_key
    inner join worlds on worlds.world_id = members.world_id and {{ versions }}.received_at <= worlds.known_at
{%- else %}
    inner join worlds on {{ versions }}.received_at <= worlds.known_at
{%- endif %}
{%- endmacro %}

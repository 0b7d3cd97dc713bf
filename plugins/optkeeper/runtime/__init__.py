"""Starting, watching and stopping what runs on this machine: PostgreSQL, Airflow, the sample sources."""

"""What an installation's Airflow needs before it starts: metadata, pools, roles and a first login."""

"""Optkeeper's pages behind Airflow's login: today, the gate's pages, the marts' dictionary, and the lists."""

"""A report each night as an Airflow task; exit codes 3 and 4 fail it, 75 (another run is writing) skips it."""

from datetime import datetime

from airflow import DAG
from airflow.providers.standard.operators.bash import BashOperator

with DAG("ckpt_report", schedule="0 3 * * *", start_date=datetime(2026, 1, 1), catchup=False, max_active_runs=1):
    BashOperator(
        task_id="report",
        bash_command="/opt/ckpt-report/.venv/bin/ckpt-report report /data/ckpts -o /data/reports --max-age 26h -q",
        skip_on_exit_code=75,
    )

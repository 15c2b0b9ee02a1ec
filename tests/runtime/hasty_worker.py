"""The worker with a minute of one second. Not a test: ``test_worker_process`` starts it."""

from huey.consumer import Scheduler

from service import cli

Scheduler.periodic_task_seconds = 1
cli.main()

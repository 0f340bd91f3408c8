"""The Celery settings that do not depend on the environment, each with its reason (all others: app.py)."""

from kombu import Exchange, Queue

# The modules that a worker imports: the tasks, the hooks that start a worker, and the task `slimgest.rescue`. The
# library never imports `workers`.
imports = ("slimgest_celery.tasks", "workers.celery_hooks", "workers.redelivery")

# --- Messages ---------------------------------------------------------------------------------------------------------

# JSON only: a message from a compromised Redis is data, never code.
task_serializer = result_serializer = event_serializer = "json"
accept_content = result_accept_content = ["json"]
enable_utc = True
timezone = "UTC"

# Three queues: `ingest` for the short steps that open or end a job, `pages`, and `exports` for searchable PDFs and
# images of pages, which are made on request. A worker consumes all three, unless `-Q` selects some. With `-Q exports`
# it loads no engine, so that no request waits for a page (workers/celery_hooks.py).
# Each queue needs a routing key: without one it gets the key of the default queue, and both receive every message.
task_queues = (
    Queue("ingest", Exchange("slimgest"), routing_key="ingest"),
    Queue("pages", Exchange("slimgest"), routing_key="pages"),
    Queue("exports", Exchange("slimgest"), routing_key="exports"),
)
task_default_queue = task_default_routing_key = "ingest"
task_default_exchange = "slimgest"
task_create_missing_queues = False
task_routes = {
    "slimgest.pages": {"queue": "pages", "routing_key": "pages"},
    # Both at the highest priority, if their owner waits for few others: a person waits for them, not behind a book.
    "slimgest.export": {"queue": "exports", "routing_key": "exports"},
    "slimgest.image": {"queue": "exports", "routing_key": "exports"},
    "slimgest.*": {"queue": "ingest", "routing_key": "ingest"},
}

# Redis keeps one list per queue and priority. With the strategy "priority", a worker checks priority 0 of all queues
# before priority 1, which Celery's default order does not do. The steps that open and end jobs come first, then pages
# by the number of pages that their owner has ahead of them (slimgest_celery/state/queues.py). So the first pages of a
# letter are read before the thousandth page of a book, and even interrupt a task that reads the book
# (pipeline/preemption.py); and one owner's single job does not wait for another owner's 500 jobs.
task_default_priority = 0
broker_transport_options = {
    "priority_steps": list(range(10)),
    "queue_order_strategy": "priority",
    "sep": ":",
    # The body is JSON within JSON. Base64, kombu's default, is a third longer. It also compresses worse in Redis, which
    # compresses its queues, because the ids in the body no longer match the same ids in the message's headers.
    "body_encoding": None,
    # The time in seconds after which an unacknowledged message is requeued. It must exceed every time limit. It is
    # a last resort: a dead worker's messages are requeued as soon as its death is noticed (workers/redelivery.py).
    "visibility_timeout": 6 * 3600,
    "socket_keepalive": True,
    # Seconds between checks of a connection: a firewall or a restarted Redis may drop it without a signal.
    "health_check_interval": 10,
    "socket_connect_timeout": 5,
}
broker_connection_retry_on_startup = True  # a worker may start before its Redis
broker_connection_max_retries = None  # and waits for it without a limit

# --- Tasks ------------------------------------------------------------------------------------------------------------

# A message is acknowledged after its work, not before: the messages of a dead worker are not lost.
task_acks_late = True
task_acks_on_failure = task_acks_on_timeout = True
# A worker takes only the message that it works on: no other message waits behind a slow page.
worker_prefetch_multiplier = 1
# If a pool child dies (SIGKILL, SIGSEGV, out of memory), its task is retried. The number of attempts is limited per
# page (pipeline/range_reader.py), and per task by max_retries.
task_retry_on_worker_lost = True
task_reject_on_worker_lost = True
# A job is `processing` when its ingest task is STARTED.
task_track_started = True
# If Redis restarts or fails over during a send, the message is sent again.
task_publish_retry_policy = {"max_retries": 5, "interval_start": 0.1, "interval_step": 0.3, "interval_max": 1.5}

# --- Results ----------------------------------------------------------------------------------------------------------

result_extended = False  # no arguments and task names in the result backend: the job's record is in the storage
redis_backend_health_check_interval = 25
redis_socket_connect_timeout = 5
redis_retry_on_timeout = True
redis_socket_keepalive = True
result_backend_always_retry = True
# Without this, each greenlet of the API that asks for a job's state opens its own connection (a soak: 50 → 110).
result_backend_thread_safe = True
result_backend_max_retries = 10

# --- Workers ----------------------------------------------------------------------------------------------------------

worker_concurrency = 1  # one child with one model; for more, start more workers
worker_pool = "prefork"
# Loading a model takes longer than the 4 s after which Celery considers a new child dead.
worker_proc_alive_timeout = 300
# After a lost connection the worker finishes and stores its page. The requeued task finds the stored page.
worker_cancel_long_running_tasks_on_connection_loss = False
worker_enable_remote_control = True  # `celery inspect`, Flower
# Flower, or `celery control enable_events`, turns these events on. They are off by default because they take half of
# the CPU time that a worker's parent process spends on each task.
worker_send_task_events = False
task_send_sent_event = False
worker_hijack_root_logger = True
worker_log_format = "%(asctime)s %(levelname)s %(processName)s %(message)s"
worker_task_log_format = "%(asctime)s %(levelname)s %(task_name)s[%(task_id)s] %(message)s"

# --- Periodic work ----------------------------------------------------------------------------------------------------

# `expires`: after a night without workers, each of these tasks runs once, not a thousand times. Priority 1: no person
# waits for these tasks, and no page task yields to them (pipeline/preemption.py).
beat_schedule = {
    "sweep": {"task": "slimgest.sweep", "schedule": 60.0, "options": {"expires": 55, "priority": 1}},
    "rescue": {"task": "slimgest.rescue", "schedule": 5.0, "options": {"expires": 5, "priority": 1}},
    "reconcile": {"task": "slimgest.reconcile", "schedule": 5.0, "options": {"expires": 5, "priority": 1}},
}

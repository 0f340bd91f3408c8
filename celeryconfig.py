"""Every Celery setting that does not depend on the environment, each with its reason (the rest: app.py)."""

from kombu import Exchange, Queue

# What a worker imports: the tasks, and how a worker process comes to life. The library itself never imports `workers`.
imports = ("slimgest_celery.tasks", "workers.process")

# --- Messages ---------------------------------------------------------------------------------------------------------

# JSON only: a message from a hostile Redis is data, never code.
task_serializer = result_serializer = event_serializer = "json"
accept_content = result_accept_content = ["json"]
enable_utc = True
timezone = "UTC"

# Three queues: short steps that open or close a job, pages, and what is made on demand: searchable PDFs, and images of
# pages for those who look. A worker takes all of them unless told otherwise.
# The keys are spelled out: a queue without one gets the default queue's, and then both get every message.
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
    "slimgest.export": {"queue": "exports", "routing_key": "exports"},
    # At the default priority, the highest: who looks at a page does not wait behind a book.
    "slimgest.image": {"queue": "exports", "routing_key": "exports"},
    "slimgest.*": {"queue": "ingest", "routing_key": "ingest"},
}

# Redis keeps one list per priority. With "priority" a worker looks at 0 before 1, in every queue, which Celery's
# default order would not do. Opening and closing come first, then pages by their place in the document (spans.py), so
# that the first pages of a letter pass the thousandth page of a book, even the one that is being read (queues.py).
task_default_priority = 0
broker_transport_options = {
    "priority_steps": list(range(10)),
    "queue_order_strategy": "priority",
    "sep": ":",
    # JSON within JSON as it is. Base64, kombu's default, is a third longer, and hides from Redis, which compresses its
    # queues, that the same ids stand in a message's headers.
    "body_encoding": None,
    # How long a message may stay unacknowledged before any worker takes it over; it must exceed every time limit. It
    # is the last net only: a dead worker's messages are put back as soon as its death is noticed (workers/process.py).
    "visibility_timeout": 6 * 3600,
    "socket_keepalive": True,
    # A connection that a firewall or a restarted Redis dropped silently is found within this time.
    "health_check_interval": 10,
    "socket_connect_timeout": 5,
}
broker_connection_retry_on_startup = True  # a worker may be started before its Redis
broker_connection_max_retries = None  # and waits for it as long as it takes

# --- Tasks ------------------------------------------------------------------------------------------------------------

# A message is acknowledged when its work is done, not when it begins: what a dead worker held is not lost.
task_acks_late = True
task_acks_on_failure = task_acks_on_timeout = True
# A worker holds the message it works on and no other, so that nothing waits behind a slow page or dies with a worker.
worker_prefetch_multiplier = 1
# A pool child that died (SIGKILL, SIGSEGV, out of memory) costs its task an attempt, not its life; the number of
# attempts is bounded per page in pipeline.py, and per task by its max_retries.
task_retry_on_worker_lost = True
task_reject_on_worker_lost = True
# The ingest's STARTED is what makes a job `processing`.
task_track_started = True
# A Redis restarted or failed over in the middle of a send costs a retry, not the message.
task_publish_retry_policy = {"max_retries": 5, "interval_start": 0.1, "interval_step": 0.3, "interval_max": 1.5}

# --- Results ----------------------------------------------------------------------------------------------------------

result_extended = False  # no arguments and names in the backend: the record is in storage
redis_backend_health_check_interval = 25
redis_socket_connect_timeout = 5
redis_retry_on_timeout = True
redis_socket_keepalive = True
result_backend_always_retry = True
# Else every greenlet of the API that asks for a job's state opens a connection of its own (seen in a soak: 50 → 110).
result_backend_thread_safe = True
result_backend_max_retries = 10

# --- Workers ----------------------------------------------------------------------------------------------------------

worker_concurrency = 1  # one child, one model; more workers rather than more children
worker_pool = "prefork"
# Loading a model takes longer than the 4 s after which Celery thinks a new child dead.
worker_proc_alive_timeout = 300
worker_cancel_long_running_tasks_on_connection_loss = False  # the page goes on; its message will find it stored
worker_enable_remote_control = True  # `celery inspect`, Flower
# Flower, or `celery control enable_events`, asks for them where somebody looks: they cost a worker half of its own time
# for each task, more than all else that it does for one.
worker_send_task_events = False
task_send_sent_event = False
worker_hijack_root_logger = True
worker_log_format = "%(asctime)s %(levelname)s %(processName)s %(message)s"
worker_task_log_format = "%(asctime)s %(levelname)s %(task_name)s[%(task_id)s] %(message)s"

# --- Periodic work ----------------------------------------------------------------------------------------------------

# `expires`: a sweep that waited longer than its period is not worth running twice (workers down over night). Nobody
# waits for these, and no page task gives way to them: priority 1 (queues.py).
beat_schedule = {
    "sweep": {"task": "slimgest.sweep", "schedule": 60.0, "options": {"expires": 55, "priority": 1}},
    "rescue": {"task": "slimgest.rescue", "schedule": 5.0, "options": {"expires": 5, "priority": 1}},
    "reconcile": {"task": "slimgest.reconcile", "schedule": 5.0, "options": {"expires": 5, "priority": 1}},
}

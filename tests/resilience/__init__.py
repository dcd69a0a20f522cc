"""Faults under load, and a checker that compares afterwards what clients saw with the history and the counters.

`make resilience` runs all scenarios, `make test` a few of them. PULMO_RESILIENCE_S is how many seconds of load come
before a fault, while it lasts and after it, 2 without it. Each scenario runs the whole system under supervisord as
`make run` sets it (`system`), with clients that keep a ledger (`load`, `ledger`); what a client may see of each fault
(`faults`) is:

fault | clients may see, beside predictions | what comes back, and how
the model server is killed | model-unavailable | supervisord starts it; the gateway stays
one of several model servers is killed | nothing | supervisord starts it; it takes part again when it has loaded
the model server is paused | deadline-exceeded, model-unavailable, overloaded | all, when it goes on
one of several model servers is paused | deadline-exceeded, model-unavailable, overloaded | the other answers meanwhile
the gateway is killed | model-unavailable, connections that break, nobody who listens | supervisord starts it
the gateway is stopped | model-unavailable, connections that break, nobody who listens | as if it were killed
a worker of two is killed | model-unavailable, connections that break | the gateway replaces it
the gateway is paused | body-timeout, deadline-exceeded, overloaded, connections that break | all, when it goes on
PostgreSQL is stopped | history-unavailable | the gateway connects again when it is back
PostgreSQL is paused | deadline-exceeded, history-unavailable, overloaded | all, when it goes on
the database is dropped | history-unavailable | the gateway makes its tables anew when an empty one is there
the file is locked | history-unavailable, overloaded | all, when it is free
the disk is full | history-unavailable | all, when there is room
versions are swapped | nothing | a broken version never answers, and is told in /models
clients leave | nothing | places, files and memory of those who left are free again
many clients come at once | overloaded | latency and refusals are within 5 s what they were

Whatever happens: a prediction that was acknowledged is in the history, once and as it was told; a prediction is that of
the version that it names; a refusal says when to come again; a request has an end; nothing is left under way. Only of a
request whose client left, or whose connection broke, nobody knows whether it was recorded, and at most one row is.
"""

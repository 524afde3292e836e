"""``hub emulate gemini``: the part of the Gemini API that runs jobs and sends webhooks, on this machine.

    command     the command line: options → Settings, then serves
    emulator    wires the parts and moves time on: jobs end, deliveries are attempted
    jobs        batches, interactions and videos: create, end, announce
    webhooks    registered endpoints, their secrets and states
    deliveries  what is to be sent, and what an answer means
    sender      one HTTP attempt, to this machine only
    app, http_* the HTTP surface, as the official clients call it
    store       everything above, on disk: a kill -9 loses nothing that was answered
    lifecycle, schedule, signing, faults, scenario, results, requests, shapes
                the pure parts

Where Google's documentation is silent, the emulator chooses and its docstrings say "emulator-specific".
"""

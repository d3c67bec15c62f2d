#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Start, trouble and end of examples/board: stopping under load, workers, a database that is slow
or away, clients that go away."""

import http.client
import itertools
import json
import os
import signal
import socket
import subprocess
import threading
import time
import unittest

from board_service import SERVER, Service, load_server_script, test_uri, uri_port, wait_until

SERVER_SCRIPT = load_server_script()


def fail_point(mode, **data):
    reply = SERVER_SCRIPT.run_command(uri_port(os.environ["MUV_TEST_URI"]), {
        "configureFailPoint": "failCommand", "mode": mode,
        "data": {"appName": "board", **data}, "$db": "admin"})
    assert reply["ok"] == 1, reply


def database(name):
    return test_uri(f"board_{name}_{os.getpid()}", "heartbeatFrequencyMS=500")


class Writer(threading.Thread):
    """Creates posts until the service refuses the connection. With a connection that it keeps, or a
    new one for each."""

    def __init__(self, service, author, number, keeps):
        super().__init__()
        self.service, self.author, self.number, self.keeps = service, author, number, keeps
        self.stored = []
        self.unanswered = []  # When they were sent, by time.monotonic().
        self.refused = []

    def run(self):
        connection = None
        for count in itertools.count():
            title = f"written {self.number} {count}"
            sent_at = None
            keep = False
            try:
                if connection is None:
                    connection = self.service.connect()
                    connection.connect()
                began_at = time.monotonic()
                connection.request("POST", "/posts", '{"author":"%s","title":"%s","body":"b"}'
                                   % (self.author, title))
                sent_at = began_at
                reply = connection.getresponse()
                reply.read()
                (self.stored if reply.status == 201 else self.refused).append(title)
                keep = self.keeps and reply.getheader("connection") != "close"
            except ConnectionRefusedError:
                connection.close()
                return
            except (OSError, http.client.HTTPException) as error:
                # What could not be written as a whole was not sent, unless it was stored: then the
                # comparison at the end finds it.
                if sent_at is not None:
                    self.unanswered.append((sent_at, f"{title}: {error!r}"))
            if not keep:
                connection.close()
                connection = None


def all_titles(service):
    titles, page = set(), 1
    while True:
        answer = service.ask("GET", f"/posts?order=old&per_page=100&page={page}")[1]
        if not answer["posts"]:
            return titles
        titles |= {post["title"] for post in answer["posts"]}
        page += 1


class Stopping(unittest.TestCase):
    def stop_under_load(self, name, *arguments):
        uri = database(name)
        with Service(uri, *arguments) as service:
            author = service.create("/users", {"name": "Ada"})["id"]
            writers = [Writer(service, author, number, number % 2 == 0) for number in range(24)]
            for writer in writers:
                writer.start()
            self.assertTrue(wait_until(lambda: sum(len(w.stored) for w in writers) > 200))
            stopped_at = time.monotonic()
            self.assertEqual(service.stop(), 0, service.complaints())
            for writer in writers:
                writer.join()
            self.assertEqual(service.complaints(), "")
        stored = {title for writer in writers for title in writer.stored}
        lost = [entry for writer in writers for entry in writer.unanswered]
        self.assertEqual([w.refused for w in writers if w.refused], [])
        # What was sent before the signal was answered; what was stored was answered.
        self.assertEqual([title for sent_at, title in lost if sent_at < stopped_at], [])
        with Service(uri) as service:
            self.assertEqual(all_titles(service), stored)

    def test_no_request_is_lost(self):
        self.stop_under_load("stop")

    def test_no_request_is_lost_by_workers(self):
        self.stop_under_load("stop_workers", "--workers", "2")

    def test_requests_that_were_not_even_accepted_are_answered(self):
        with Service(database("backlog")) as service:
            service.process.send_signal(signal.SIGSTOP)
            waiting = [service.connect() for _ in range(30)]
            for connection in waiting:
                connection.request("GET", "/posts")
            service.process.send_signal(signal.SIGTERM)
            service.process.send_signal(signal.SIGCONT)
            for connection in waiting:
                reply = connection.getresponse()
                self.assertEqual((reply.status, reply.read()[:9]), (200, b'{"page":1'))
                connection.close()
            self.assertEqual(service.process.wait(10), 0)

    def test_idle_and_silent_connections_do_not_hold_the_stop_up(self):
        with Service(database("idle")) as service:
            kept = service.connect()
            service.ask("GET", "/posts", connection=kept)
            silent = socket.create_connection(("127.0.0.1", service.port))
            began = time.monotonic()
            self.assertEqual(service.stop(), 0)
            self.assertLess(time.monotonic() - began, 2)
            silent.close()
            kept.close()

    def test_a_request_in_progress_is_finished(self):
        with Service(database("progress")) as service:
            fail_point({"times": 1}, failCommands=["aggregate"], blockConnection=True,
                       blockTimeMS=700)
            connection = service.connect()
            connection.request("GET", "/posts")
            self.assertTrue(wait_until(lambda: service.stats()["client"]["operations_live"] > 0))
            service.process.send_signal(signal.SIGTERM)
            reply = connection.getresponse()
            self.assertEqual(reply.status, 200)
            self.assertEqual(reply.getheader("connection"), "close")
            self.assertIn(b'"total"', reply.read())
            self.assertEqual(service.process.wait(10), 0)
            connection.close()

    def test_a_stop_has_a_limit(self):
        with Service(database("limit"), "--grace-ms", "300") as service:
            half = socket.create_connection(("127.0.0.1", service.port))
            half.sendall(b"POST /users HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{")
            self.assertTrue(wait_until(lambda: service.stats()["http_connections"] >= 2))
            self.assertEqual(service.stop(), 1)
            self.assertIn("did not end in time", service.complaints())
            half.close()


class Workers(unittest.TestCase):
    def test_a_worker_that_dies_is_replaced(self):
        with Service(database("replace"), "--workers", "2") as service:
            before = service.worker_pids()
            self.assertEqual(len(before), 2)
            os.kill(before[0], signal.SIGKILL)
            self.assertTrue(wait_until(lambda: len(service.worker_pids()) == 2
                                       and before[0] not in service.worker_pids()))
            self.assertEqual(service.ask("GET", "/posts")[0], 200)
            self.assertEqual(service.stop(), 0, service.complaints())
            self.assertIn("ended with signal 9", service.complaints())

    def test_workers_that_die_too_often_end_the_service(self):
        with Service(database("often"), "--workers", "1") as service:
            for _ in range(6):
                pids = []
                self.assertTrue(wait_until(lambda: pids.extend(service.worker_pids()) or pids))
                os.kill(pids[0], signal.SIGKILL)
                wait_until(lambda: pids[0] not in service.worker_pids())
            self.assertEqual(service.process.wait(10), 1)
            self.assertIn("workers end too often", service.complaints())

    def test_both_workers_answer(self):
        with Service(database("both"), "--workers", "2") as service:
            seen = set()
            self.assertTrue(wait_until(lambda: seen.add(service.stats()["pid"]) or len(seen) == 2))
            self.assertEqual(seen, set(service.worker_pids()))
            self.assertEqual(service.stop(), 0)

    def test_workers_go_with_their_parent(self):
        with Service(database("orphan"), "--workers", "2") as service:
            pids = service.worker_pids()
            service.process.kill()
            service.process.wait()
            self.assertTrue(wait_until(lambda: not any(
                SERVER_SCRIPT.process_start_time(pid) for pid in pids)))


class Trouble(unittest.TestCase):
    def assert_problem(self, answer, status, code):
        self.assertEqual((answer[0], answer[1]["error"]["code"]), (status, code))
        self.assertEqual(answer[2]["retry-after"], "1")

    def test_a_request_has_a_deadline(self):
        with Service(database("deadline"), "--timeout-ms", "250") as service:
            fail_point({"times": 1}, failCommands=["find"], blockConnection=True, blockTimeMS=900)
            began = time.monotonic()
            self.assert_problem(service.ask("GET", "/users/" + "0" * 24), 503, "timeout")
            self.assertLess(time.monotonic() - began, 0.8)
            self.assertEqual(service.ask("GET", "/users/" + "0" * 24)[0], 404)
            self.assertEqual(service.stop(), 0)

    def test_a_write_that_may_have_happened_is_said_to_be_in_doubt(self):
        with Service(database("doubt"), "--timeout-ms", "250") as service:
            fail_point({"times": 1}, failCommands=["insert"], blockConnection=True, blockTimeMS=700)
            answer = service.ask("POST", "/users", {"name": "Ada"})
            self.assert_problem(answer, 503, "timeout")
            self.assertIs(answer[1]["error"]["in_doubt"], True)
            self.assertEqual(service.stop(), 0)

    def test_a_full_queue_refuses_at_once(self):
        uri = test_uri(f"board_queue_{os.getpid()}", "maxPoolSize=1")
        # Three wait at the start: each collection's indexes.
        with Service(uri, "--max-waiting", "3") as service:
            fail_point({"times": 1}, failCommands=["find"], blockConnection=True, blockTimeMS=600)
            asked = [service.connect() for _ in range(7)]
            for connection in asked:
                connection.request("GET", "/users/" + "0" * 24)
            answers = []
            for connection in asked:
                reply = connection.getresponse()
                answers.append((reply.status, json.loads(reply.read())["error"]["code"]))
                connection.close()
            self.assertEqual(sorted(answers), [(404, "not_found")] * 4 + [(503, "busy")] * 3)
            self.assertEqual(service.stop(), 0)

    def test_a_client_that_goes_cancels_its_operations(self):
        with Service(database("gone")) as service:
            fail_point({"times": 1}, failCommands=["find"], blockConnection=True, blockTimeMS=1500)
            raw = socket.create_connection(("127.0.0.1", service.port))
            raw.sendall(b"GET /users/%s HTTP/1.1\r\nhost: x\r\n\r\n" % (b"0" * 24))
            self.assertTrue(wait_until(lambda: service.stats()["client"]["operations_live"] > 0))
            raw.close()
            began = time.monotonic()
            self.assertTrue(wait_until(lambda: service.stats()["cancelled"] == 1))
            self.assertTrue(wait_until(
                lambda: service.stats()["client"]["operations_live"] == 0))
            self.assertLess(time.monotonic() - began, 1)
            self.assertEqual(service.stop(), 0)

    def test_a_stream_of_http2_that_is_reset_cancels_its_operations(self):
        with Service(database("reset")) as service:
            fail_point({"times": 1}, failCommands=["find"], blockConnection=True, blockTimeMS=1500)
            done = subprocess.run(
                ["curl", "-s", "--http2-prior-knowledge", "-m", "0.3",
                 f"http://127.0.0.1:{service.port}/users/" + "0" * 24], check=False)
            self.assertEqual(done.returncode, 28)
            self.assertTrue(wait_until(lambda: service.stats()["cancelled"] == 1))
            self.assertEqual(service.stop(), 0)

    def test_errors_of_the_server_are_told_apart(self):
        with Service(database("codes")) as service:
            # After the first two the read is repeated, and finds nobody.
            for code, status in ((10107, 404), (11600, 404), (8000, 500)):
                fail_point({"times": 1}, failCommands=["find"], errorCode=code)
                self.assertEqual(service.ask("GET", "/users/" + "0" * 24)[0], status, code)
                self.assertTrue(wait_until(
                    lambda: service.ask("GET", "/users/" + "0" * 24)[0] == 404))

    def test_a_database_that_goes_and_comes_back(self):
        name = f"board-{os.getpid()}"
        start = [str(SERVER), "start", "--name", name, "--owner", str(os.getpid())]
        stop = [str(SERVER), "stop", "--name", name, "--kill"]
        uri = subprocess.run(start, check=True, capture_output=True, text=True).stdout.strip()
        self.addCleanup(subprocess.run, stop, check=True)
        with Service(uri + "&heartbeatFrequencyMS=500", "--timeout-ms", "700") as service:
            subprocess.run(stop, check=True)
            began = time.monotonic()
            self.assertEqual(service.ask("GET", "/posts")[0], 503)
            self.assertLess(time.monotonic() - began, 2)
            subprocess.run([*start, "--port", str(uri_port(uri))], check=True,
                           stdout=subprocess.DEVNULL)
            self.assertTrue(wait_until(lambda: service.ask("GET", "/posts")[0] == 200))
            self.assertEqual(service.stop(), 0)

    def test_without_a_database_it_does_not_start(self):
        for arguments in ((), ("--workers", "2")):
            with Service("mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=300",
                         *arguments) as service:
                self.assertIsNone(service.port)
                self.assertEqual(service.process.wait(10), 1)
                self.assertIn("the indexes cannot be created", service.complaints())

    def test_a_bad_uri_does_not_start(self):
        with Service("mongodb://") as service:
            self.assertEqual(service.process.wait(10), 1)
            self.assertNotEqual(service.complaints(), "")


if __name__ == "__main__":
    unittest.main(verbosity=1)

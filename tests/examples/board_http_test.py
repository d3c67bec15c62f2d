#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The routes of examples/board: what they answer, to good requests and to bad ones."""

import concurrent.futures
import os
import re
import socket
import unittest

from board_service import Service, test_uri

NOWHERE = "0" * 24
DATE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


class Routes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Service(test_uri(f"board_http_{os.getpid()}"))
        cls.ada = cls.service.create("/users", {"name": "Ada"})

    @classmethod
    def tearDownClass(cls):
        code = cls.service.stop()
        complaints = cls.service.complaints()
        cls.service.__exit__()
        assert code == 0, (code, complaints)
        assert complaints == "", complaints

    def ask(self, method, path, data=None):
        return self.service.ask(method, path, data)

    def post(self, **members):
        return self.service.create("/posts", {
            "author": self.ada["id"], "title": "A title", "body": "A body", **members})

    def assert_problem(self, answer, status, code, fields=None):
        self.assertEqual(answer[0], status, answer)
        self.assertEqual(answer[1]["error"]["code"], code)
        self.assertEqual(answer[1]["error"].get("fields"), fields)

    # --- users

    def test_a_user_is_created_and_found(self):
        status, user, headers = self.ask("POST", "/users", {"name": "Grace"})
        self.assertEqual(status, 201)
        self.assertRegex(user["created"], DATE)
        self.assertEqual(headers["location"], "/users/" + user["id"])
        self.assertEqual(self.ask("GET", headers["location"])[:2], (200, user))

    def test_a_taken_name_is_a_conflict(self):
        self.assert_problem(self.ask("POST", "/users", {"name": "Ada"}), 409, "duplicate")

    def test_unknown_and_malformed_ids_are_not_found(self):
        for path in ("/users/" + NOWHERE, "/users/x", "/users/" + "g" * 24, "/posts/" + NOWHERE,
                     "/users/", "/users/" + NOWHERE + "/more", "/nothing", "//"):
            self.assert_problem(self.ask("GET", path), 404, "not_found")

    # --- posts

    def test_a_post_keeps_its_text(self):
        text = "line\nquote \" backslash \\ ä 😀 \u0001 </script>"
        post = self.post(title=text, body=text, tags=["a", "b c"])
        status, answer, _ = self.ask("GET", "/posts/" + post["id"])
        self.assertEqual(status, 200)
        self.assertEqual(answer["post"]["title"], text)
        self.assertEqual(answer["post"]["body"], text)
        self.assertEqual(answer["post"]["tags"], ["a", "b c"])
        self.assertEqual(answer["post"]["votes"], 0)
        self.assertEqual(answer["post"]["author"], self.ada)
        self.assertRegex(answer["post"]["created"], DATE)
        self.assertEqual(answer["comments"], [])

    def test_every_wrong_field_is_named(self):
        self.assert_problem(
            self.ask("POST", "/posts", {"author": "x", "title": 5, "tags": ["a", 1], "more": 1}),
            400, "validation", {"author": "Must be an id", "title": "Must be a string",
                                "tags": "Must be a list of strings", "more": "Unknown field"})

    def test_validation_names_paths_into_lists(self):
        answer = self.ask("POST", "/posts", {"author": self.ada["id"], "title": "x" * 121,
                                             "tags": ["good", "x" * 31]})
        self.assert_problem(answer, 400, "validation", {
            "title": "String value is too long", "body": "Field is required",
            "tags.1": "String value is too long"})

    def test_an_author_must_exist(self):
        self.assert_problem(
            self.ask("POST", "/posts", {"author": NOWHERE, "title": "t", "body": "b"}),
            400, "validation", {"author": "There is no such user"})

    def test_votes_are_counted_on_the_server(self):
        path = "/posts/" + self.post()["id"] + "/vote"
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: self.ask("POST", path, {"by": 1}), range(40)))
        self.assertEqual({answer[0] for answer in answers}, {200})
        self.assertEqual(max(answer[1]["votes"] for answer in answers), 40)
        self.assertEqual(self.ask("POST", path, {"by": -1})[1]["votes"], 39)
        self.assertEqual(self.ask("POST", path)[1]["votes"], 40)

    def test_bad_votes(self):
        path = "/posts/" + self.post()["id"] + "/vote"
        for by in (0, 2, "1", 1.5, 10**18):
            answer = self.ask("POST", path, {"by": by})
            self.assertEqual((answer[0], list(answer[1]["error"]["fields"])), (400, ["by"]))
        self.assert_problem(self.ask("POST", f"/posts/{NOWHERE}/vote"), 404, "not_found")

    def test_deleting_takes_the_comments_along(self):
        post = self.post()
        for number in range(3):
            self.service.create(f"/posts/{post['id']}/comments",
                                {"author": self.ada["id"], "text": str(number)})
        status, answer, _ = self.ask("DELETE", "/posts/" + post["id"])
        self.assertEqual((status, answer), (200, {"deleted": post["id"], "comments": 3}))
        self.assert_problem(self.ask("DELETE", "/posts/" + post["id"]), 404, "not_found")
        self.assert_problem(self.ask("GET", "/posts/" + post["id"]), 404, "not_found")

    # --- comments

    def test_comments_check_post_and_author(self):
        post = self.post()["id"]
        self.assert_problem(
            self.ask("POST", f"/posts/{NOWHERE}/comments", {"author": self.ada["id"], "text": "t"}),
            404, "not_found")
        self.assert_problem(
            self.ask("POST", f"/posts/{post}/comments", {"author": NOWHERE, "text": "t"}),
            400, "validation", {"author": "There is no such user"})
        self.assert_problem(
            self.ask("POST", f"/posts/{post}/comments", {"author": self.ada["id"]}),
            400, "validation", {"text": "Field is required"})

    def commands_of(self, path):
        before = self.service.stats()["commands"]
        answer = self.ask("GET", path)
        self.assertEqual(answer[0], 200)
        return self.service.stats()["commands"] - before, answer[1]

    def test_a_post_takes_four_commands_whatever_its_comments(self):
        post = self.post()["id"]
        self.service.create(f"/posts/{post}/comments", {"author": self.ada["id"], "text": "0"})
        few, answer = self.commands_of("/posts/" + post)
        self.assertEqual(len(answer["comments"]), 1)

        def comment(number):
            author = self.service.create("/users", {"name": f"Commenter {number}"})
            self.service.create(f"/posts/{post}/comments",
                                {"author": author["id"], "text": str(number)})

        # More of both than the server would put into a first batch by itself.
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(comment, range(1, 121)))
        many, answer = self.commands_of("/posts/" + post)
        self.assertEqual((few, many), (4, 4))
        self.assertEqual({c["text"] for c in answer["comments"]}, {str(n) for n in range(121)})
        for shown in answer["comments"][1:]:
            self.assertEqual(shown["author"]["name"], "Commenter " + shown["text"])

    # --- lists

    def test_pages_are_disjoint_and_complete(self):
        made = {self.post(title=f"paged {number}")["id"] for number in range(7)}
        seen = []
        for page in (1, 2, 3):
            answer = self.ask("GET", f"/posts?search=^paged&per_page=3&page={page}")[1]
            self.assertEqual((answer["total"], answer["page"], answer["per_page"]), (7, page, 3))
            self.assertEqual({post["author"]["name"] for post in answer["posts"]}, {"Ada"})
            seen += [post["id"] for post in answer["posts"]]
        self.assertEqual(len(seen), 7)
        self.assertEqual(set(seen), made)
        commands, _ = self.commands_of("/posts?per_page=100")
        self.assertEqual(commands, 3)

    def test_orders(self):
        ids = [self.post(title=f"ordered {number}")["id"] for number in range(3)]
        self.ask("POST", f"/posts/{ids[1]}/vote")
        expected = {"new": [ids[2], ids[1], ids[0]], "old": ids, "top": [ids[1], ids[2], ids[0]]}
        for order, wanted in expected.items():
            answer = self.ask("GET", f"/posts?search=^ordered&order={order}")[1]
            self.assertEqual([post["id"] for post in answer["posts"]], wanted, order)

    def test_search_looks_at_title_and_body(self):
        wanted = {self.post(title="The Needle")["id"], self.post(body="a NEEDLE too")["id"]}
        self.post(title="the haystack")
        answer = self.ask("GET", "/posts?search=needles%3F%7Cneedle")[1]
        self.assertEqual({post["id"] for post in answer["posts"]}, wanted)
        self.assertEqual(answer["total"], 2)

    def test_a_bad_regular_expression_is_the_clients_error(self):
        self.assert_problem(self.ask("GET", "/posts?search=%5B"), 400, "bad_regex")

    def test_bad_parameters_are_named(self):
        answer = self.ask("GET", "/posts?page=0&per_page=101&order=x&search=%00")
        self.assertEqual(answer[0], 400)
        self.assertEqual(set(answer[1]["error"]["fields"]), {"page", "per_page", "order", "search"})
        for query in ("page=", "page=1x", "page=99999999999999999999", "search=%", "search=%f",
                      "search=%ff", "search=" + "x" * 201):
            self.assertEqual(self.ask("GET", "/posts?" + query)[0], 400, query)

    # --- HTTP

    def test_bad_bodies(self):
        connection = self.service.connect()
        for body in (b"", b"{", b"[1]", b"null", b'{"name":', b'{"name":"\xff"}', b"\x00",
                     b'{"name":{"$oid":"1"}}', b'{"a":' * 500, b'{"name":"a"}}', b"{}{}",
                     b'{"$date":{"$numberLong":"x"}}', b'{"a\\u0000b":1}', b"{" + b"[" * 9000):
            connection.request("POST", "/users", body)
            reply = connection.getresponse()
            reply.read()
            self.assertEqual(reply.status, 400, body[:40])
        connection.close()
        self.assertEqual(self.ask("GET", "/stats")[0], 200)

    def test_a_large_body_is_refused(self):
        answer = self.ask("POST", "/users", {"name": "x" * 70000})
        self.assert_problem(answer, 413, "too_large")

    def test_a_method_that_is_not_there_is_told(self):
        for path, allow in (("/posts", "GET, POST"), ("/posts/" + NOWHERE, "GET, DELETE"),
                            ("/", "GET"), (f"/posts/{NOWHERE}/vote", "POST")):
            answer = self.ask("PATCH", path)
            self.assert_problem(answer, 405, "method_not_allowed")
            self.assertEqual(answer[2]["allow"], allow)

    def test_head_has_no_body(self):
        status, content, headers = self.ask("HEAD", "/posts")
        self.assertEqual((status, content), (200, ""))
        self.assertGreater(int(headers["content-length"]), 10)

    def test_garbage_is_answered_with_400(self):
        with socket.create_connection(("127.0.0.1", self.service.port), timeout=10) as raw:
            raw.sendall(b"\x16\x03\x01\x02\x00 garbage\r\n\r\n")
            self.assertIn(b" 400 ", raw.recv(1000))

    def test_the_process_has_one_thread(self):
        self.assertEqual(self.service.stats()["threads"], 1)


if __name__ == "__main__":
    unittest.main(verbosity=1)

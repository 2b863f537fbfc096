// An app of HTTP/2 without TLS: node http2_app.js PORT
//
// Any POST    the body comes back, and its trailers as trailers
// /told       the fields of the request, as JSON
// /large      a field of 30 KB before the body
// /trailers   fields after the body
// /early      103 with a link, then 200
// /empty      204
// /reset      half a body, then RST_STREAM with INTERNAL_ERROR
// /refused    RST_STREAM with REFUSED_STREAM, and nothing else
// /endless    a body without end
// /left       how many clients have left an endless body
// /pushing    pushes /pushed, or 406 if the client wants none
// /goodbye    GOAWAY before the answer
// else        hello
"use strict";

const http2 = require("node:http2");

const { NGHTTP2_INTERNAL_ERROR, NGHTTP2_REFUSED_STREAM } = http2.constants;
const LARGE = "0123456789abcdef".repeat(1875);
let left = 0;

const routes = {
  "/told"(request, response) {
    const fields = request.rawHeaders.map((field, index, all) => [field, all[index + 1]]);
    response.end(JSON.stringify(fields.filter((_, index) => index % 2 === 0)));
  },
  "/large"(request, response) {
    response.setHeader("x-large", LARGE);
    response.end("after it");
  },
  "/trailers"(request, response) {
    response.write("body");
    response.addTrailers({ "x-trailer": "last", "x-other": "very last" });
    response.end();
  },
  "/early"(request, response) {
    response.writeEarlyHints({ link: "</style.css>; rel=preload" });
    response.end("late");
  },
  "/empty"(request, response) {
    response.writeHead(204).end();
  },
  "/reset"(request, response) {
    response.write("half", () => response.stream.close(NGHTTP2_INTERNAL_ERROR));
  },
  "/refused"(request, response) {
    response.stream.close(NGHTTP2_REFUSED_STREAM);
  },
  "/endless"(request, response) {
    const more = () => {
      while (response.write(LARGE));
    };
    response.on("drain", more);
    response.on("close", () => left++);
    more();
  },
  "/left"(request, response) {
    response.end(String(left));
  },
  "/pushing"(request, response) {
    if (!response.stream.pushAllowed) {
      response.writeHead(406).end();
      return;
    }
    response.createPushResponse({ ":path": "/pushed" }, (error, pushed) => {
      pushed?.end("pushed");
      response.end("asked for");
    });
  },
  "/goodbye"(request, response) {
    response.stream.session.goaway(0, request.stream.id, Buffer.from("so long"));
    response.end("served");
  },
};

function echo(request, response) {
  request.on("data", (piece) => {
    if (!response.write(piece)) {
      request.pause();
      response.once("drain", () => request.resume());
    }
  });
  request.on("end", () => {
    response.addTrailers(request.trailers);
    response.end();
  });
}

function hello(request, response) {
  response.setHeader("content-length", 6);
  response.end("hello\n");
}

const server = http2.createServer({ maxSendHeaderBlockLength: 1 << 18 }, (request, response) => {
  const answer = request.method === "POST" ? echo : routes[request.url] ?? hello;
  answer(request, response);
});
// A reset is no news, whoever it was.
server.prependListener("stream", (stream) => stream.on("error", () => {}));
server.on("sessionError", () => {});
server.on("session", (session) => session.on("error", () => {}));
server.listen(Number(process.argv[2]), "127.0.0.1");

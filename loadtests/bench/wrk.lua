-- The heads of a run (BENCH_HEADS: same or varying) and its result as one line of JSON.

if os.getenv("BENCH_HEADS") == "varying" then
  -- A browser's dozen headers, path and two values new each time: no memo can remember a head.
  local count = 0
  local stamp = os.getenv("BENCH_STAMP")
  local first, middle, last

  function init(args)
    first = "GET /shop/items/" .. stamp
    middle = " HTTP/1.1\r\nHost: " .. wrk.host .. ":" .. wrk.port .. "\r\n"
      .. "Connection: keep-alive\r\n"
      .. 'sec-ch-ua: "Chromium";v="140", "Not=A?Brand";v="24"\r\n'
      .. "sec-ch-ua-mobile: ?0\r\n"
      .. 'sec-ch-ua-platform: "Linux"\r\n'
      .. "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
      .. "Chrome/140.0.0.0 Safari/537.36\r\n"
      .. "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
      .. "Sec-Fetch-Site: same-origin\r\n"
      .. "Sec-Fetch-Mode: navigate\r\n"
      .. "Accept-Encoding: gzip, deflate, br\r\n"
      .. "Accept-Language: en-GB,en;q=0.9\r\n"
      .. "Cookie: session=" .. stamp
    last = "\r\nX-Request-Id: " .. stamp .. "-"
  end

  function request()
    count = count + 1
    return first .. count .. "?page=" .. count .. middle .. count .. last .. count .. "\r\n\r\n"
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "bytes": %d, "micros": %d, "p50_us": %d, "p99_us": %d, "errors": %d}\n',
    summary.requests, summary.bytes, summary.duration,
    latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.timeout + errors.status))
end

// Typical heads, which operations are measured with.
#pragma once

#include <string_view>

namespace sluice::bench {

// What a browser and what a small client send.
inline constexpr std::string_view kBrowserRequest =
    "GET /api/v1/items/4711?fields=name,price&limit=20 HTTP/1.1\r\nHost: shop.example.com\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0 Safari/537.36\r\n"
    "Accept: "
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
    "Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\nReferer: "
    "https://shop.example.com/cart\r\n"
    "Cookie: session=3b6c1f4e9a7d4c52a3f8e6b1d0c9a8f7; theme=dark\r\nx-request-id: "
    "5f1c2d3e-4b5a-6978-8796-a5b4c3d2e1f0\r\n"
    "\r\n";
inline constexpr std::string_view kSmallRequest = "GET /1k HTTP/1.1\r\nHost: 10.98.0.1\r\n\r\n";
inline constexpr std::string_view kServerResponse =
    "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Mon, 23 Nov 2026 04:00:00 "
    "GMT\r\nContent-Type: application/octet-stream\r\n"
    "Content-Length: 1024\r\nLast-Modified: Mon, 23 Nov 2026 03:00:00 GMT\r\nConnection: "
    "keep-alive\r\nETag: \"6922a1b0-400\"\r\n"
    "Accept-Ranges: bytes\r\n\r\n";

}  // namespace sluice::bench

using System.Globalization;

namespace Metering.Proof.Tests;

/// <summary>
/// Makes the request of a seed and a number, always the same one: routes, methods, queries, headers, keys, bodies, from whole to hostile.
/// What a web server turns down before it is a request (broken header names, line ends in values) is not made.
/// </summary>
/// <param name="seed">The seed.</param>
/// <param name="keys">The API keys to use: working, weak and dead ones.</param>
internal sealed class FuzzRequests(int seed, IReadOnlyList<string> keys)
{
    private const int KeysInReach = 5_000;

    private static readonly string[] Spending = ["/v1/credits/deduct", "/v1/credits/deduct/batch", "/v1/records/access"];

    private static readonly string[] Reading =
    [
        "/v1/credits", "/v1/credits/refresh", "/v1/credits/health", "/v1/transactions", "/api/v1/credits/balance", "/api/v1/credits/transactions",
        "/api/v1/me", "/health/live", "/health/ready",
    ];

    private static readonly string[] Strange =
    [
        "/", "//", "/v1", "/v1/", "/v1//credits", "/V1/CREDITS", "/v1/credits/", "/v1/credits/../credits", "/v1/credits/deduct/batch/", "/v1/records",
        "/api/v1", "/api/v1/credits", "/api/v1/credits/x", "/api/v1/api-keys", "/API/V1/ME", "/api/v1/me/", "/api/v2/me", "/admin/v1/accounts", "/favicon.ico",
        "/v1/transactions/", "/v1/credits;x=1", "/v1/credits/deduct%2fbatch", "/v1/\u202ecredits", "/v1/crédits", "/api/v1/creditsx", "/.env", "/v1/credits/\t",
    ];

    private static readonly string[] Methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT", "get", "PURGE", "X"];

    private static readonly string[] ContentTypes =
    [
        "application/json; charset=utf-8", "application/json;charset=\"utf-8\"", "APPLICATION/JSON", "application/json; charset=utf-16", "application/json; charset=", "application/json;;;",
        "text/plain", "text/json", "application/problem+json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "/", "application", "a/b, application/json", "é/é",
    ];

    private static readonly string[] Names = ["limit", "offset", "cursor", "Limit", "limit[]", "", "x", "account"];

    private static readonly string[] Values =
    [
        "0", "1", "50", "100", "101", "-1", "+1", "1.5", "1e2", "", "%20", "%ZZ", "%00", "%c3%28", "null", "9223372036854775807", "9223372036854775808", "٣", "1,2", "0x1",
        "txn_00000000000020fghjkmnpqrst", "txn_zzzzzzzzzzzzzzzzzzzzzzzzzz", "TXN_00000000000020FGHJKMNPQRST", "txn_", "txn_00000000000020fghjkmnpqrsu1", "txn_éééééééééééééééééééééééééé",
    ];

    /// <summary>The request of a number.</summary>
    public FuzzRequest Make(int number)
    {
        var random = new Random(HashCode(seed, number));
        var path = Path(random);
        var spends = Spending.Contains(path);
        var method = random.Next(20) == 0 ? Pick(random, Methods) : spends || path == "/v1/credits/refresh" ? "POST" : "GET";
        var body = spends || random.Next(5) == 0 ? new FuzzBodies(random).Next(path) : null;
        return new(method, path, Query(random, path), [.. Headers(random, body is not null, spends)], body, random.Next(4) == 0);
    }

    // Not System.HashCode, whose seed differs from process to process.
    private static int HashCode(int seed, int number) => unchecked((seed * 1_000_003) ^ (number * 7_919));

    private static string Pick(Random random, string[] from) => from[random.Next(from.Length)];

    private static string Path(Random random) => random.Next(2_000) == 0 ? "/openapi/v1.json" : random.Next(100) switch
    {
        < 60 => Pick(random, Spending),
        < 82 => Pick(random, Reading),
        < 90 => "/v1/transactions/" + Uri.UnescapeDataString(Pick(random, Values)).Replace("\0", string.Empty, StringComparison.Ordinal),
        < 97 => Pick(random, Strange),
        _ => "/" + Text(random, random.Next(1, 60)),
    };

    private static string Query(Random random, string path)
    {
        if (random.Next(path.Contains("transactions", StringComparison.Ordinal) ? 2 : 10) > 0)
        {
            return string.Empty;
        }

        var parts = Enumerable.Range(0, random.Next(1, 4)).Select(_ => random.Next(8) switch
        {
            0 => Pick(random, Names),
            1 => Pick(random, Names) + "=" + Uri.EscapeDataString(Text(random, random.Next(40))),
            2 => new string('&', random.Next(5)),
            _ => Names[random.Next(3)] + "=" + Pick(random, Values),
        });
        return "?" + string.Join('&', parts);
    }

    private IEnumerable<(string Name, string[] Values)> Headers(Random random, bool hasBody, bool spends)
    {
        foreach (var header in Credentials(random))
        {
            yield return header;
        }

        if (hasBody && random.Next(20) > 0)
        {
            yield return ("Content-Type", [random.Next(8) > 0 ? "application/json" : Pick(random, ContentTypes)]);
        }

        if (spends ? random.Next(3) > 0 : random.Next(20) == 0)
        {
            yield return ("Idempotency-Key", IdempotencyKey(random));
        }

        if (random.Next(10) == 0)
        {
            yield return ("X-Request-Id", random.Next(4) == 0 ? ["a", "b"] : [Text(random, random.Next(150))]);
        }

        if (random.Next(40) == 0)
        {
            yield return ("Content-Encoding", [Pick(random, ["gzip", "identity", "br", "", "gzip, gzip"])]);
        }

        if (random.Next(20) == 0)
        {
            yield return (Pick(random, ["Accept", "Accept-Language", "Range", "If-None-Match", "Expect", "X-Forwarded-For", "Cookie", "Origin", "X-HTTP-Method-Override"]), [Text(random, random.Next(80))]);
        }
    }

    private IEnumerable<(string Name, string[] Values)> Credentials(Random random)
    {
        var key = keys[random.Next(5) > 0 ? 0 : random.Next(keys.Count)];
        var other = keys[random.Next(keys.Count)];
        switch (random.Next(30))
        {
            case 0:
                break;
            case 1:
                yield return ("Authorization", [Pick(random, ["Bearer", "Bearer ", "Basic eDp5", "bearer  " + key, key, "Bearer " + key + " x", "Bearer " + key.ToUpperInvariant()])]);
                break;
            case 2:
                yield return ("Authorization", ["Bearer " + key]);
                yield return ("X-API-Key", [other]);
                break;
            case 3:
                yield return ("X-API-Key", [key, other]);
                break;
            case 4:
                yield return ("X-API-Key", [Text(random, random.Next(90))]);
                break;
            case < 16:
                yield return ("Authorization", ["Bearer " + key]);
                break;
            default:
                yield return ("X-API-Key", [key]);
                break;
        }
    }

    private static string[] IdempotencyKey(Random random) => random.Next(20) switch
    {
        0 => [string.Empty],
        1 => [new string('k', random.Next(250, 260))],
        2 => ["a", "b"],
        3 => [Text(random, random.Next(1, 30))],
        _ => [string.Create(CultureInfo.InvariantCulture, $"key-{random.Next(KeysInReach)}")],
    };

    /// <summary>A text of any characters that a web server lets through: no NUL, no line end, no half of a surrogate pair.</summary>
    private static string Text(Random random, int length) => string.Concat(Enumerable.Range(0, length).Select(_ => random.Next(10) switch
    {
        0 => "\U0001F600",
        1 => ((char)random.Next(0xA0, 0xD7FF)).ToString(),
        2 => "\t",
        _ => ((char)random.Next(0x20, 0x7F)).ToString(),
    }));
}

namespace Metering.Benchmarks;

/// <summary>What the HTTP benchmark was asked for.</summary>
internal sealed record HttpOptions
{
    public const string Usage = """
        http      the gateway over Kestrel on loopback, beside empty endpoints of the same server that get the very same requests
          --store memory|sqlite   default sqlite
          --connections N         1 to 10000, default 256
          --accounts N            accounts, each with a key of its own, that the calls are spread over, 1 to 5000, default 1000
          --seconds N             of each endpoint, 1 to 600, default 10
          --warmup N              seconds before each measurement, 1 to 60, default 3
          --rounds N              each endpoint is measured so often, in turns, 1 to 100, default 1; the table shows medians
          --only a,b              some of get-bare, get-empty, get-credits, post-bare, post-empty, post-deduct, post-deduct-key; default all
          --driver wrk|client     wrk (default where it is installed) or .NET's HttpClient, which takes more of the processors itself
        """;

    public string Store { get; private init; } = "sqlite";

    public int Connections { get; private init; }

    public int Accounts { get; private init; }

    public int Seconds { get; private init; }

    public int WarmupSeconds { get; private init; }

    public int Rounds { get; private init; }

    public IReadOnlyList<HttpCall> Calls { get; private init; } = HttpCall.All;

    public string Driver { get; private init; } = "wrk";

    public static HttpOptions Parse(Arguments arguments) => new()
    {
        Store = arguments.Choice("--store", "sqlite", ["memory", "sqlite"]),
        Connections = arguments.Number("--connections", 256, 1, 10_000),
        Accounts = arguments.Number("--accounts", 1_000, 1, 5_000),
        Seconds = arguments.Number("--seconds", 10, 1, 600),
        WarmupSeconds = arguments.Number("--warmup", 3, 1, 60),
        Rounds = arguments.Number("--rounds", 1, 1, 100),
        Calls = [.. arguments.Choices("--only", HttpCall.Names, HttpCall.Names).Select(HttpCall.Named)],
        Driver = arguments.Choice("--driver", Programs.Find("wrk") is null ? "client" : "wrk", ["wrk", "client"]),
    };
}

/// <summary>One kind of request.</summary>
/// <param name="Name">What it is called in options and tables.</param>
/// <param name="Method">GET or POST.</param>
/// <param name="Path">The path.</param>
/// <param name="Baseline">The call that it is compared with; null for a baseline.</param>
/// <param name="HasKey">True where every request has an idempotency key of its own.</param>
internal sealed record HttpCall(string Name, string Method, string Path, string? Baseline, bool HasKey)
{
    public const string Body = """{"product": "lead.search", "quantity": 97, "description": "Lead search: Restaurants in US (97 results)"}""";

    public static readonly IReadOnlyList<HttpCall> All =
    [
        new("get-bare", "GET", "/bare", null, false),
        new("get-empty", "GET", "/empty", null, false),
        new("get-credits", "GET", "/v1/credits", "get-empty", false),
        new("post-bare", "POST", "/bare", null, true),
        new("post-empty", "POST", "/empty", null, true),
        new("post-deduct", "POST", "/v1/credits/deduct", "post-empty", false),
        new("post-deduct-key", "POST", "/v1/credits/deduct", "post-empty", true),
    ];

    public static IReadOnlyList<string> Names => [.. All.Select(call => call.Name)];

    public static HttpCall Named(string name) => All.Single(call => call.Name == name);
}

using System.Diagnostics;
using System.Globalization;

namespace Metering.Benchmarks;

/// <summary>
/// wrk with a script that builds every request: a random account's key, a new idempotency key. Empty endpoints get the same requests from
/// the same script, so that wrk's own work, on processors that it shares with the server, is on both sides of every ratio.
/// </summary>
internal sealed class WrkDriver(Uri address, IReadOnlyList<string> keys, int connections, string folder) : IHttpDriver
{
    private int run;

    public async Task<HttpFigure> RunAsync(HttpCall call, int seconds)
    {
        var script = Path.Combine(folder, "request.lua");
        await File.WriteAllTextAsync(script, Script(call, ++run));
        var threads = Math.Min(connections, Math.Max(1, Environment.ProcessorCount / 2));
        var start = new ProcessStartInfo(Programs.Find("wrk")!, $"-t{threads} -c{connections} -d{seconds}s -s {script} {address}") { RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        var figures = output.Split('\n').FirstOrDefault(line => line.StartsWith("figures ", StringComparison.Ordinal))
            ?? throw new ArgumentException($"wrk gave no figures: {output}");
        var parts = figures.Split(' ').Skip(1).Select(part => double.Parse(part, CultureInfo.InvariantCulture)).ToArray();
        return new(parts[0] / parts[1] * 1e6, parts[2] / 1e3, parts[3] / 1e3, (long)parts[4]);
    }

    private string Script(HttpCall call, int number)
    {
        var body = call.Method == "POST" ? HttpCall.Body : string.Empty;
        var head = call.Method == "POST" ? $"Content-Type: application/json\\r\\nContent-Length: {body.Length}\\r\\n" : string.Empty;
        var idempotency = call.HasKey ? $"\"Idempotency-Key: {Environment.ProcessId}-{number}-\" .. thread .. \"-\" .. count .. \"\\r\\n\"" : "\"\"";
        return $$"""
            local keys = { {{string.Join(", ", keys.Select(key => $"\"{key}\""))}} }
            local before = "{{call.Method}} {{call.Path}} HTTP/1.1\r\nHost: {{address.Authority}}\r\n{{head}}Authorization: Bearer "
            local count = 0
            local threads = 0
            function setup(created) created:set("thread", threads) threads = threads + 1 end
            function init() math.randomseed(thread + 1) end
            function request()
              count = count + 1
              return before .. keys[math.random(#keys)] .. "\r\n" .. {{idempotency}} .. "\r\n" .. [[{{body}}]]
            end
            function done(summary, latency)
              local errors = summary.errors
              print(string.format("figures %d %d %f %f %d", summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
                errors.status + errors.connect + errors.read + errors.write + errors.timeout))
            end
            """;
    }
}

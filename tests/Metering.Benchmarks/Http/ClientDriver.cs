using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;

namespace Metering.Benchmarks;

/// <summary>.NET's own client, in the server's process: it works everywhere and takes more of the processors than wrk.</summary>
internal sealed class ClientDriver(Uri address, IReadOnlyList<string> keys, int connections) : IHttpDriver
{
    private int run;

    public async Task<HttpFigure> RunAsync(HttpCall call, int seconds)
    {
        using var handler = new SocketsHttpHandler { MaxConnectionsPerServer = connections };
        using var client = new HttpClient(handler) { BaseAddress = address };
        var (latencies, errors, number) = (new LatencyHistogram(), 0L, ++run);
        var clock = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, connections).Select(caller => Task.Run(async () =>
        {
            var random = new Random(caller);
            for (var count = 0; clock.Elapsed.TotalSeconds < seconds; count++)
            {
                using var request = Create(call, keys[random.Next(keys.Count)], $"{Environment.ProcessId}-{number}-{caller}-{count}");
                var started = Stopwatch.GetTimestamp();
                using var response = await client.SendAsync(request);
                latencies.Add(Stopwatch.GetElapsedTime(started));
                if (!response.IsSuccessStatusCode)
                {
                    Interlocked.Increment(ref errors);
                }
            }
        })));
        return new(latencies.Count / clock.Elapsed.TotalSeconds, latencies.At(0.5), latencies.At(0.99), errors);
    }

    private static HttpRequestMessage Create(HttpCall call, string key, string idempotencyKey)
    {
        var request = new HttpRequestMessage(new HttpMethod(call.Method), call.Path);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        if (call.HasKey)
        {
            request.Headers.Add("Idempotency-Key", idempotencyKey);
        }

        if (call.Method == "POST")
        {
            request.Content = new StringContent(HttpCall.Body, Encoding.UTF8, "application/json");
        }

        return request;
    }
}

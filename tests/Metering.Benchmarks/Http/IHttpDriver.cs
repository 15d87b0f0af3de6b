namespace Metering.Benchmarks;

/// <summary>What a client measured.</summary>
/// <param name="RatePerSecond">Answers a second.</param>
/// <param name="P50">Milliseconds.</param>
/// <param name="P99">Milliseconds.</param>
/// <param name="Errors">Answers that were not 2xx, and connections that failed.</param>
internal sealed record HttpFigure(double RatePerSecond, double P50, double P99, long Errors);

/// <summary>Sends requests over a number of connections, each waiting for its answer.</summary>
internal interface IHttpDriver
{
    Task<HttpFigure> RunAsync(HttpCall call, int seconds);
}

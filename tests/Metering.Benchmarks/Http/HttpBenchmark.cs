namespace Metering.Benchmarks;

/// <summary>The gateway's rates beside those of empty endpoints of the same server in the same run.</summary>
internal sealed class HttpBenchmark(HttpOptions options, ResultStore results)
{
    private readonly Dictionary<string, List<HttpFigure>> figures = [];

    public static Task RunAsync(Arguments arguments, ResultStore results)
    {
        var options = HttpOptions.Parse(arguments);
        arguments.RefuseOthers();
        return new HttpBenchmark(options, results).RunAsync();
    }

    private async Task RunAsync()
    {
        using var folder = new ScratchFolder("http");
        await using var gateway = await GatewayUnderTest.StartAsync(options.Store, Path.Combine(folder.Path, "data"), options.Accounts);
        IHttpDriver driver = options.Driver == "wrk"
            ? new WrkDriver(gateway.Address, gateway.Keys, options.Connections, folder.Path)
            : new ClientDriver(gateway.Address, gateway.Keys, options.Connections);
        for (var round = 1; round <= options.Rounds; round++)
        {
            foreach (var call in options.Calls)
            {
                await Console.Error.WriteAsync($"\rround {round}/{options.Rounds}  {call.Name,-20}");
                await driver.RunAsync(call, options.WarmupSeconds);
                var figure = await driver.RunAsync(call, options.Seconds);
                (figures.TryGetValue(call.Name, out var list) ? list : figures[call.Name] = []).Add(figure);
            }
        }

        await Console.Error.WriteLineAsync();
        Print();
        Save();
    }

    private void Print()
    {
        Console.WriteLine(
            $"{options.Driver}, {options.Connections} connections, {options.Accounts} accounts, store {options.Store}, {options.Seconds} s after {options.WarmupSeconds} s of warm-up, median of {options.Rounds}");
        foreach (var call in options.Calls)
        {
            var figure = Median(call.Name)!;
            var ratio = call.Baseline is { } baseline && Median(baseline) is { } empty ? $"  {figure.RatePerSecond / empty.RatePerSecond:P0} of {baseline}" : string.Empty;
            var errors = figure.Errors > 0 ? $"  {figure.Errors} ERRORS" : string.Empty;
            Console.WriteLine($"  {call.Name,-16} {figure.RatePerSecond,10:N0}/s  p50 {figure.P50,7:F2} ms  p99 {figure.P99,7:F2} ms{ratio}{errors}");
        }
    }

    private void Save() => results.Save("http", new HttpResult(
        options.Driver, options.Connections, options.Accounts, options.Store, options.Seconds, options.Rounds,
        options.Calls.ToDictionary(call => call.Name, call => Median(call.Name)!)));

    private HttpFigure? Median(string name) =>
        figures.TryGetValue(name, out var list) ? list.OrderBy(figure => figure.RatePerSecond).ElementAt(list.Count / 2) : null;
}

/// <summary>The HTTP benchmark as it is stored: medians by the call's name.</summary>
internal sealed record HttpResult(string Driver, int Connections, int Accounts, string Store, int Seconds, int Rounds, Dictionary<string, HttpFigure> Figures);

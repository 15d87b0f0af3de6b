using System.Xml.Linq;
using Xunit;

namespace Metering.Benchmarks.Tests;

public sealed class ReportTests : IDisposable
{
    private readonly ScratchFolder folder = new("report-tests");
    private readonly ResultStore results;

    public ReportTests() => results = new(folder.Path);

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Without_results_every_target_says_that_it_was_not_measured()
    {
        Assert.All(new Targets(results).Rows(), row => Assert.Null(row.Measured));
        var page = new ReportPage(results).Render(null, ["redis-server was not found"]);
        Assert.Contains("| memory store, 64 callers, sustained | >= 400,000/s | not measured |  |", page, StringComparison.Ordinal);
        Assert.Contains("Left out: redis-server was not found.", page, StringComparison.Ordinal);
        Assert.DoesNotContain("reached", page, StringComparison.Ordinal);
    }

    [Fact]
    public void A_sustained_rate_counts_the_drain_and_a_burst_does_not()
    {
        Save("burst", "sqlite", 256, 10_000, calls: 2_600_000, drain: 5);
        Save("sustained", "sqlite", 256, 10_000, calls: 1_600_000, drain: 10);
        Assert.Equal((true, "260,000/s"), Row("sqlite, 256 callers, spread, burst"));
        Assert.Equal((false, "80,000/s"), Row("sqlite, 256 callers, spread, sustained"));
        Assert.Contains("| sqlite | 256 | 10,000 | sustained | 80,000 | 10.0 | 10.0 |", new ReportPage(results).Render(null, []), StringComparison.Ordinal);
    }

    [Fact]
    public void Ratios_are_of_sustained_rates_in_the_same_folder()
    {
        Save("sustained", "sqlite", 256, 1, calls: 2_000_000, drain: 0);
        Save("sustained", "redis", 2_048, 1, calls: 500_000, drain: 0);
        Save("sustained", "pgbench", 16, 1, calls: 40_000, drain: 0);
        Assert.Equal((true, "4.0x (200,000/s, 50,000/s)"), Row("sqlite beside Redis, one hot account, sustained"));
        Assert.Equal((false, "50.0x (200,000/s, 4,000/s)"), Row("sqlite beside SQL on 16 connections, one hot account, sustained"));
        Assert.Null(Row("sqlite beside Redis, spread, sustained").Measured);
    }

    [Fact]
    public void Http_is_judged_beside_the_empty_endpoint_that_gets_the_same_request()
    {
        HttpFigure Rate(double rate) => new(rate, 1, 2, 0);
        results.Save("http", new HttpResult("wrk", 256, 1_000, "sqlite", 10, 1, new()
        {
            ["get-empty"] = Rate(100_000), ["get-credits"] = Rate(70_000), ["post-empty"] = Rate(100_000), ["post-deduct-key"] = Rate(39_000),
        }));
        Assert.Equal((true, "70 % (70,000/s, 100,000/s)"), Row("GET /v1/credits, beside an empty endpoint"));
        Assert.Equal((false, "39 % (39,000/s, 100,000/s)"), Row("POST /v1/credits/deduct with a key, beside an empty endpoint"));
    }

    [Fact]
    public void Targets_of_a_store_that_was_not_loaded_stay_out()
    {
        Assert.DoesNotContain(new Targets(results).Rows(), row => row.Name.StartsWith("postgres", StringComparison.Ordinal));
        Save("sustained", "postgres", 256, 10_000, calls: 500_000, drain: 0);
        Assert.Equal((true, "50,000/s"), Row("postgres, 256 callers, spread, sustained"));
    }

    [Fact]
    public void The_plot_of_a_sweep_has_a_line_for_every_system_and_kind()
    {
        var latency = new Percentiles(1, 2, 3, 4, 5);
        Save("sweep", "sqlite", 1, 10_000, 10, 0, latency);
        Save("sweep", "sqlite", 16, 10_000, 100, 0, latency);
        Save("sweep", "sqlite", 16, 1, 100, 0, latency);
        var texts = XElement.Parse(SweepCommand.Plot(results.All<LoadResult>("sweep-"))).Descendants().Select(element => element.Value).ToArray();
        Assert.Contains("sqlite, spread", texts);
        Assert.Contains("sqlite, one hot account", texts);
        Assert.Contains("sqlite, p99", texts);
    }

    [Fact]
    public void A_new_result_takes_the_place_of_the_old_one_and_figures_that_are_none_survive()
    {
        Save("sustained", "redis", 2_048, 1, 1, 0);
        Save("sustained", "redis", 2_048, 1, 2, 0);
        var only = Assert.Single(results.All<LoadResult>("sustained-"));
        Assert.Equal(2, only.Figure.Calls);
        Assert.True(double.IsNaN(only.Figure.Latency.P50));
        results.Clear();
        Assert.Empty(results.All<LoadResult>("sustained-"));
    }

    private (bool IsReached, string? Measured) Row(string name)
    {
        var row = new Targets(results).Rows().Single(row => row.Name == name);
        return (row.IsReached, row.Measured);
    }

    private void Save(string kind, string system, int callers, int accounts, long calls, double drain, Percentiles? latency = null)
    {
        var result = new LoadResult(system, kind, new(callers, accounts, true, 3, 10), new(calls, 10, drain, 0, latency ?? Percentiles.None), "load");
        results.Save(result.Name, result);
    }
}

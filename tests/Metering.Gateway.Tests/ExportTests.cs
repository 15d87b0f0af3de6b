using System.Text.Json;
using Metering.Conformance;
using Metering.Core;
using Metering.Engine;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Xunit;

namespace Metering.Gateway.Tests;

/// <summary><c>GET /v1/transactions/export</c>.</summary>
public sealed class ExportTests : IAsyncLifetime
{
    private GatewayHost host = null!;
    private TestCaller caller = null!;

    public async Task InitializeAsync()
    {
        host = await GatewayHost.StartAsync();
        caller = await host.OpenAsync(bonus: 25);
        for (var number = 0; number < 5; number++)
        {
            host.Clock.Advance(TimeSpan.FromDays(1));
            _ = (await host.Meter.DeductAsync(caller.Account, new() { Amount = Credits.Of(1.5m), Description = $"Call {number}", Reference = "=SUM(A1)", Product = "p", Quantity = 3 })).Value;
        }
    }

    public async Task DisposeAsync() => await host.DisposeAsync();

    [Fact]
    public async Task Lines_are_the_rows_of_the_list_oldest_first()
    {
        var export = await caller.GetAsync("/v1/transactions/export");
        Assert.Equal((200, "application/x-ndjson"), (export.Status, export.ContentType));
        Assert.Equal("117.5", export.Remaining);
        var listed = (await caller.GetAsync("/v1/transactions?limit=100")).Json.GetProperty("transactions").EnumerateArray().Reverse().ToArray();
        var lines = Lines(export);
        Assert.Equal(7, lines.Length);
        Assert.All(lines.Zip(listed), pair => Assert.True(JsonElement.DeepEquals(pair.First, pair.Second), $"{pair.First}\n{pair.Second}"));
    }

    [Fact]
    public async Task It_goes_on_after_any_line_and_the_pieces_are_the_whole()
    {
        foreach (var format in (string[])["ndjson", "csv"])
        {
            var whole = (await caller.GetAsync($"/v1/transactions/export?format={format}")).Body;
            for (var keep = 1; keep <= 7; keep++)
            {
                var id = Lines(await caller.GetAsync("/v1/transactions/export"))[keep - 1].GetProperty("id").GetString()!;
                var rest = (await caller.GetAsync($"/v1/transactions/export?format={format}&after={id}")).Body;
                var beginning = whole[..(whole.IndexOf('\n', whole.IndexOf(id, StringComparison.Ordinal)) + 1)];
                Assert.Equal(whole, beginning + rest);
            }
        }
    }

    [Fact]
    public async Task From_and_to_choose_by_creation_and_to_is_exclusive()
    {
        var export = await caller.GetAsync("/v1/transactions/export?from=2026-05-03&to=2026-05-05T00:00:00Z");
        Assert.Equal(["Call 1", "Call 2"], Lines(export).Select(line => line.GetProperty("description").GetString()));
        Assert.Equal(string.Empty, (await caller.GetAsync("/v1/transactions/export?from=2027-01-01")).Body);
    }

    [Fact]
    public async Task A_reset_that_fell_due_is_in_it()
    {
        host.Clock.Advance(TimeSpan.FromDays(40));
        Assert.Contains(Lines(await caller.GetAsync("/v1/transactions/export")), line => line.GetProperty("createdAt").GetString() == "2026-06-01T00:00:00.000Z");
    }

    [Fact]
    public async Task Csv_has_a_header_and_guards_against_formulas()
    {
        var export = await caller.GetAsync("/v1/transactions/export?format=csv");
        Assert.Equal("text/csv; charset=utf-8; header=present", export.Headers["Content-Type"]);
        Assert.Contains("attachment; filename=\"transactions.csv\"", export.Headers["Content-Disposition"], StringComparison.Ordinal);
        var lines = export.Body.Split("\r\n");
        Assert.Equal("id,number,type,amount,credits,description,reference,product,quantity,bonus,monthly,permanent,refundOfNumber,createdAt,appliedAt", lines[0]);
        Assert.EndsWith(",3,DEDUCTION,-1.5,123.5,Call 0,'=SUM(A1),p,3,1.5,0,0,,2026-05-02T00:00:00.000Z,2026-05-02T00:00:00.000Z", lines[3], StringComparison.Ordinal);
        Assert.Equal(string.Empty, lines[^1]);
    }

    [Theory]
    [InlineData("format=xml", 400, "format")]
    [InlineData("format=csv&format=csv", 400, "format")]
    [InlineData("from=yesterday", 400, "from")]
    [InlineData("to=2026-13-01", 400, "to")]
    [InlineData("from=2026-05-03&to=2026-05-03", 400, "to")]
    [InlineData("after=42", 400, "after")]
    [InlineData("after=txn_0000000000000q000000000000", 400, "after")]
    [InlineData("after=txn_00000000000020fghjkmnpqrst", 400, "after")]
    public async Task What_it_cannot_do_is_refused_by_name(string query, int status, string field)
    {
        var answer = await caller.GetAsync($"/v1/transactions/export?{query}");
        Assert.Equal((status, "application/problem+json", field), (answer.Status, answer.ContentType, answer.Field));
    }

    [Fact]
    public async Task Strangers_and_keys_that_may_not_read_get_nothing()
    {
        Assert.Equal(401, (await Answer.OfAsync(host.Client, new(HttpMethod.Get, "/v1/transactions/export"))).Status);
        var spender = await host.AddKeyAsync(caller.Account, ApiKeyScopes.Spend);
        Assert.Equal(403, (await spender.GetAsync("/v1/transactions/export")).Status);
        var nobody = await host.AddKeyAsync(new("nobody"), ApiKeyScopes.Read);
        Assert.Equal(404, (await nobody.GetAsync("/v1/transactions/export")).Status);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_failure_in_the_middle_breaks_the_connection_and_does_not_end_it(bool isDamage)
    {
        FailingStore? failing = null;
        await using var broken = await GatewayHost.StartAsync(services =>
        {
            var made = services.Last(service => service.ServiceType == typeof(ILedgerStore)).ImplementationFactory!;
            services.AddSingleton<ILedgerStore>(provider => failing = new((ILedgerStore)made(provider), isDamage));
        });
        var reader = await broken.OpenAsync(bonus: 1_000);
        for (var number = 0; number < 200; number++)
        {
            _ = (await broken.Meter.DeductAsync(reader.Account, new() { Amount = Credits.Of(1) })).Value;
        }

        failing!.FailsFrom = 100;
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/transactions/export");
        request.Headers.Add("X-API-Key", reader.Key.Key);
        var error = await Record.ExceptionAsync(async () =>
        {
            // Whether the head of the answer is read before the connection breaks is a matter of time.
            using var response = await broken.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            await response.Content.ReadAsStringAsync();
        });
        Assert.True(error is OperationCanceledException or HttpRequestException or IOException, error?.ToString() ?? "The answer ended as if it were whole.");

        failing.FailsFrom = long.MaxValue;
        Assert.Equal(202, Lines(await reader.GetAsync("/v1/transactions/export")).Length);
    }

    [Fact]
    public async Task A_server_that_stops_waits_for_no_slow_reader()
    {
        var text = new string('x', 500);
        for (var number = 0; number < 2_000; number++)
        {
            _ = (await host.Meter.DeductAsync(caller.Account, new() { Amount = Credits.Of(0.01m), Description = text })).Value;
        }

        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/transactions/export");
        request.Headers.Add("X-API-Key", caller.Key!.Key);
        using var response = await host.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        host.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();

        // What is on its way already is read; the end is broken off, not the end of the ledger.
        var error = await Record.ExceptionAsync(() => response.Content.ReadAsStringAsync());
        Assert.True(error is OperationCanceledException or HttpRequestException or IOException, error?.ToString() ?? "The answer ended as if it were whole.");
    }

    private static JsonElement[] Lines(Answer answer) => [.. answer.Body.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonElement.Parse(line))];

    private sealed class FailingStore(ILedgerStore inner, bool isDamage) : DelegatingLedgerStore(inner)
    {
        public long FailsFrom { get; set; } = long.MaxValue;

        public override async ValueTask<IReadOnlyList<LedgerRow>> ReadAsync(AccountId account, long fromSequence, int limit, CancellationToken cancellationToken = default)
        {
            var rows = await base.ReadAsync(account, fromSequence, limit, cancellationToken);
            return rows.All(row => row.Sequence < FailsFrom) ? rows
                : isDamage ? throw new LedgerFormatException("the page is damaged.")
                : throw new LedgerUnavailableException("the disk is away.");
        }
    }
}

using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Xunit;
using Xunit.Abstractions;

namespace Metering.Proof.Tests;

/// <summary>Generated requests against the gateway: whatever is sent, the answer is one of the contract's, and the books stay right.</summary>
public sealed class FuzzTests(ITestOutputHelper output)
{
    // What caches, pools and windows of keys may take beyond what they held after the warm-up.
    private const long MemoryRoom = 32L << 20;

    // More than processors, so that commits hold several decisions.
    private static readonly ParallelOptions Callers = new() { MaxDegreeOfParallelism = 32 };

    private readonly ConcurrentDictionary<int, long> statuses = new();
    private readonly Lock gate = new();
    private decimal charged;

    [Fact]
    public async Task No_request_is_answered_with_a_fault_or_without_its_headers_and_memory_stays_flat()
    {
        await using var host = await FuzzHost.StartAsync();
        var requests = new FuzzRequests(Scale.Seed, host.Keys);
        var before = await SumDeductionsAsync(host);
        var warmUp = Math.Min(Scale.FuzzRequests / 2, 50_000);
        await SendAsync(host, requests, 0, warmUp);
        var warm = GC.GetTotalMemory(true);
        await SendAsync(host, requests, warmUp, Scale.FuzzRequests);
        var grown = GC.GetTotalMemory(true) - warm;
        var spent = await SumDeductionsAsync(host) - before;
        var counts = string.Join(", ", statuses.OrderBy(pair => pair.Key).Select(pair => $"{pair.Key}: {pair.Value}"));
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"Proof: fuzz, seed {Scale.Seed}: {Scale.FuzzRequests} requests ({counts}); {charged} credits charged, {spent} in the ledger; memory {warm >> 10} KiB, {grown >> 10} KiB more at the end."));
        Assert.Equal(charged, spent);
        Assert.True(statuses.GetValueOrDefault(200) > Scale.FuzzRequests / 10, "Too few requests got through for the books to mean anything.");
        Assert.InRange(grown, long.MinValue, MemoryRoom);
    }

    private Task SendAsync(FuzzHost host, FuzzRequests requests, int from, int to) => Parallel.ForAsync(from, to, Callers, async (number, _) =>
    {
        var request = requests.Make(number);
        try
        {
            var context = await host.Server.SendAsync(request.ApplyTo, CancellationToken.None);
            using var reader = new StreamReader(context.Response.Body);
            Check(request, context.Response, await reader.ReadToEndAsync(CancellationToken.None));
            Assert.True(host.Errors.First is null, host.Errors.First);
        }
        catch (Exception error)
        {
            throw new InvalidOperationException($"Seed {Scale.Seed}, request {number}:\n{request}\n{error.Message}", error);
        }
    });

    private void Check(FuzzRequest request, HttpResponse response, string body)
    {
        statuses.AddOrUpdate(response.StatusCode, 1, static (_, count) => count + 1);
        Assert.InRange(response.StatusCode, 200, 499);
        var id = Assert.Single(response.Headers["X-Request-Id"].ToArray());
        Assert.InRange(id!.Length, 1, 128);
        var isKeyed = response.Headers.TryGetValue("X-Credits-Remaining", out var remaining);
        Assert.True(!isKeyed || decimal.Parse(remaining!, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture) >= 0, "The balance is below zero.");
        Assert.False(isKeyed && response.StatusCode == 401, "A 401 tells a balance.");
        if (response.Headers.TryGetValue("X-Credits-Cost", out var cost))
        {
            Assert.Equal(200, response.StatusCode);
            lock (gate)
            {
                charged += decimal.Parse(cost!, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture);
            }
        }

        var json = JsonElement.Parse(body);
        if (response.StatusCode >= 400)
        {
            HasShape(new PathString(request.Path), response, json, id);
        }
    }

    private static void HasShape(PathString path, HttpResponse response, JsonElement json, string id)
    {
        var names = json.EnumerateObject().Select(property => property.Name).ToArray();
        if (path.StartsWithSegments("/api/v1/credits") || path.StartsWithSegments("/api/v1/api-keys"))
        {
            Assert.StartsWith("application/json", response.ContentType, StringComparison.Ordinal);
            Assert.Equal(response.StatusCode == 401 ? ["success", "statusCode", "error", "message"] : ["success", "error"], names);
            return;
        }

        if (path.StartsWithSegments("/api/v1"))
        {
            Assert.StartsWith("application/json", response.ContentType, StringComparison.Ordinal);
            Assert.Equal(["error", "message"], names);
            return;
        }

        Assert.StartsWith("application/problem+json", response.ContentType, StringComparison.Ordinal);
        Assert.Equal(["type", "title", "status", "detail", "code"], names[..5]);
        Assert.Equal(response.StatusCode, json.GetProperty("status").GetInt32());
        Assert.Equal(id, json.GetProperty("requestId").GetString());
        Assert.NotEmpty(json.GetProperty("detail").GetString()!);
    }

    /// <summary>What all accounts have spent; along the way, that each account's rows sum to its balance.</summary>
    private static async Task<decimal> SumDeductionsAsync(FuzzHost host)
    {
        var spent = 0m;
        foreach (var account in FuzzHost.Accounts)
        {
            var (sum, before) = (0m, (long?)null);
            do
            {
                var page = (await host.Meter.ListTransactionsAsync(account, new() { Limit = 1_000, Before = before })).Value;
                sum += page.Items.Sum(row => row.Amount.ToDecimal());
                spent -= page.Items.Where(row => row.Type == TransactionType.Deduction).Sum(row => row.Amount.ToDecimal());
                before = page.NextBefore;
            }
            while (before is not null);
            Assert.Equal((await host.Meter.GetBalanceAsync(account)).Value.Available.ToDecimal(), sum);
        }

        return spent;
    }
}

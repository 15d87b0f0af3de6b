using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;

namespace Metering.Proof.Tests;

/// <summary>A row of the ledger, as a caller reads it.</summary>
internal sealed record Row(string Id, long Number, string Type, decimal Amount, decimal Credits, string? Reference, DateTimeOffset AppliedAt);

/// <summary>What a call came to.</summary>
/// <param name="Status">The status; null where no answer came.</param>
/// <param name="Body">The answer's body.</param>
/// <param name="IsReplay">The answer of an earlier call with the same key.</param>
/// <param name="RetryAfterSeconds">When to try again; null where the answer does not say.</param>
internal sealed record Reply(int? Status, string Body, bool IsReplay, double? RetryAfterSeconds);

/// <summary>Calls one server over HTTP.</summary>
internal sealed class Caller(ServerProcess server, IReadOnlyList<string> keys) : IDisposable
{
    // Longer than a server rests between two times that it makes sure.
    private const int MostLooks = 50;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    private readonly HttpClient client = new() { BaseAddress = server.Address, Timeout = TimeSpan.FromSeconds(90) };

    /// <summary>Sends an operation. What came back stays with it where it was acknowledged.</summary>
    public async Task<Reply> SendAsync(Operation operation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, operation.Path);
        request.Content = new StringContent(operation.Body, Encoding.UTF8, "application/json");
        request.Headers.Add("X-API-Key", keys[operation.Account]);
        request.Headers.Add("Idempotency-Key", operation.Key);
        var reply = await SendAsync(request);
        Note(operation, reply);
        return reply;
    }

    /// <summary>All rows of an account, newest first.</summary>
    public async Task<IReadOnlyList<Row>> ReadRowsAsync(int account)
    {
        var rows = new List<Row>();
        for (string? cursor = null; ;)
        {
            var page = JsonElement.Parse(await GetAsync(account, "/v1/transactions?limit=100" + (cursor is null ? string.Empty : "&cursor=" + cursor)));
            rows.AddRange(page.GetProperty("transactions").EnumerateArray().Select(row => new Row(
                row.GetProperty("id").GetString()!,
                row.GetProperty("number").GetInt64(),
                row.GetProperty("type").GetString()!,
                row.GetProperty("amount").GetDecimal(),
                row.GetProperty("credits").GetDecimal(),
                row.TryGetProperty("reference", out var reference) ? reference.GetString() : null,
                row.GetProperty("appliedAt").GetDateTimeOffset())));
            if ((cursor = page.GetProperty("nextCursor").GetString()) is null)
            {
                return rows;
            }
        }
    }

    /// <summary>The balance of an account.</summary>
    public async Task<decimal> ReadCreditsAsync(int account) => JsonElement.Parse(await GetAsync(account, "/v1/credits")).GetProperty("credits").GetDecimal();

    /// <summary>The balance of an account, read anew from the ledger.</summary>
    public async Task<decimal> RefreshAsync(int account) =>
        JsonElement.Parse(await GetAsync(account, "/v1/credits/refresh", HttpMethod.Post)).GetProperty("credits").GetDecimal();

    /// <summary>True where the server reads an account from the ledger now.</summary>
    public async Task<bool> ServesAsync(int account) => (await AskAsync(account, "/v1/credits/refresh", HttpMethod.Post)).Status == 200;

    /// <summary>What became of a transaction id. Servers that share a ledger may not know at once, and say so.</summary>
    public async Task<string?> ReadStatusAsync(int account, string id)
    {
        for (var attempt = 1; ; attempt++)
        {
            var status = JsonElement.Parse(await GetAsync(account, "/v1/transactions/" + id)).GetProperty("status").GetString();
            if (status != "unknown" || attempt == MostLooks)
            {
                return status;
            }

            await Task.Delay(Pause, TimeProvider.System);
        }
    }

    public void Dispose() => client.Dispose();

    private static void Note(Operation operation, Reply reply)
    {
        switch (reply.Status)
        {
            case 200:
                operation.Answer ??= reply.Body;
                break;
            case 402:
                operation.IsRefused = true;
                break;
            case 503 when JsonElement.Parse(reply.Body) is var problem && problem.GetProperty("code").GetString() == "outcome_unknown":
                operation.MayHaveChanged = true;
                if (problem.TryGetProperty("transactionId", out var id))
                {
                    operation.Promised.Add(id.GetString()!);
                }
                else if (!reply.Body.Contains("it charges nothing", StringComparison.Ordinal))
                {
                    throw new InvalidOperationException($"{operation.Key} is unknown, and there is no id to ask for: {reply.Body}");
                }

                break;
            case null:
                operation.MayHaveChanged = true;
                break;
        }
    }

    private async Task<string> GetAsync(int account, string path, HttpMethod? method = null)
    {
        var reply = await AskAsync(account, path, method ?? HttpMethod.Get);
        return reply.Status == (int)HttpStatusCode.OK
            ? reply.Body
            : throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"{method ?? HttpMethod.Get} {path} came to {reply.Status}: {reply.Body} {server.Errors}{server.Output}"));
    }

    private async Task<Reply> AskAsync(int account, string path, HttpMethod method)
    {
        using var request = new HttpRequestMessage(method, path);
        request.Headers.Add("X-API-Key", keys[account]);
        return await SendAsync(request);
    }

    private async Task<Reply> SendAsync(HttpRequestMessage request)
    {
        try
        {
            using var response = await client.SendAsync(request);
            return new(
                (int)response.StatusCode,
                await response.Content.ReadAsStringAsync(),
                response.Headers.TryGetValues("Idempotent-Replayed", out _),
                response.Headers.RetryAfter?.Delta?.TotalSeconds);
        }
        catch (Exception error) when (error is HttpRequestException or IOException or OperationCanceledException)
        {
            return new(null, error.Message, false, null);
        }
    }
}

using System.Globalization;
using System.Text.Json;

namespace Metering.Proof.Tests;

/// <summary>One call that spends, with a key and references of its own, and what became of it.</summary>
internal sealed record Operation
{
    /// <summary>Which of the folder's accounts pays.</summary>
    public required int Account { get; init; }

    public required string Path { get; init; }

    public required string Body { get; init; }

    /// <summary>The idempotency key.</summary>
    public required string Key { get; init; }

    /// <summary>The references of its ledger rows, in order; unique over all operations.</summary>
    public required IReadOnlyList<string> References { get; init; }

    /// <summary>The body of the 200 that acknowledged it; null while there is none.</summary>
    public string? Answer { get; set; }

    /// <summary>The transaction ids that answers of 503 named, because it could not be known whether they would last.</summary>
    public List<string> Promised { get; } = [];

    /// <summary>True once a call for it had no answer, or one that did not know: it may be in the ledger without an acknowledgement.</summary>
    public bool MayHaveChanged { get; set; }

    /// <summary>True once it was refused for want of credits: a retry need not succeed.</summary>
    public bool IsRefused { get; set; }

    /// <summary>What an acknowledged operation has put in the ledger: reference, transaction id, amount.</summary>
    public IEnumerable<(string Reference, string Id, decimal Charged)> AcknowledgedRows()
    {
        var answer = JsonElement.Parse(Answer!);
        if (!answer.TryGetProperty("items", out var items))
        {
            var id = answer.GetProperty("transactionId").GetString();
            return id is null ? [] : [(References[0], id, answer.GetProperty("charged").GetDecimal())];
        }

        return items.EnumerateArray().Select((item, index) =>
            (References[index], item.GetProperty("transactionId").GetString()!, item.GetProperty("charged").GetDecimal()));
    }

    /// <summary>The records whose subscription this operation paid for.</summary>
    public IEnumerable<string> SubscribedRecords() =>
        JsonElement.Parse(Answer!).TryGetProperty("records", out var records)
            ? records.EnumerateArray()
                .Where(record => record.GetProperty("status").GetString() == "subscribed")
                .Select(record => $"{Account}/{record.GetProperty("type").GetString()}/{record.GetProperty("id").GetString()}")
            : [];
}

/// <summary>Makes operations from a seed: deductions, batches, and record accesses of which many meet in the same records.</summary>
internal sealed class OperationSource(int seed, int accounts)
{
    private const int RecordsInReach = 40;

    private readonly Lock gate = new();
    private readonly Random random = new(seed);
    private int made;

    /// <summary>Makes the next one. Safe from several threads.</summary>
    public Operation Next()
    {
        lock (gate)
        {
            var number = ++made;
            var (account, key) = (random.Next(accounts), string.Create(CultureInfo.InvariantCulture, $"key-{number}"));
            return random.Next(10) switch
            {
                < 5 => new() { Account = account, Path = "/v1/credits/deduct", Body = Item($"op-{number}"), Key = key, References = [$"op-{number}"] },
                < 7 => Batch(number, account, key),
                _ => Records(number, account, key),
            };
        }
    }

    private Operation Batch(int number, int account, string key)
    {
        string[] references = [.. Enumerable.Range(0, random.Next(2, 6)).Select(item => $"op-{number}.{item}")];
        return new()
        {
            Account = account,
            Path = "/v1/credits/deduct/batch",
            Body = $$"""{"items": [{{string.Join(", ", references.Select(Item))}}]}""",
            Key = key,
            References = references,
        };
    }

    private Operation Records(int number, int account, string key)
    {
        // Most records are young: two callers often want the same one, and only one may pay.
        var records = Enumerable.Range(0, random.Next(1, 5)).Select(_ => (number / 8) + random.Next(RecordsInReach)).Distinct();
        return new()
        {
            Account = account,
            Path = "/v1/records/access",
            Body = $$"""{"records": [{{string.Join(", ", records.Select(record => $$"""{"type": "company", "id": "c{{record}}"}"""))}}], "reference": "op-{{number}}"}""",
            Key = key,
            References = [$"op-{number}"],
        };
    }

    private string Item(string reference) => random.Next(3) == 0
        ? $$"""{"product": "email.validation", "quantity": {{random.Next(1, 9)}}, "reference": "{{reference}}"}"""
        : string.Create(CultureInfo.InvariantCulture, $$"""{"amount": {{random.Next(1, 30_000) / 10_000m}}, "reference": "{{reference}}", "description": "Proof"}""");
}

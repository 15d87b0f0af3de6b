using System.Diagnostics;
using Metering.Core;
using Metering.Engine;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Benchmarks;

/// <summary>A weight as it is stored.</summary>
/// <param name="Name">For finding it.</param>
/// <param name="What">For people.</param>
/// <param name="Count">How many were built.</param>
/// <param name="Bytes">What they weigh together in the managed heap.</param>
internal sealed record MemoryResult(string Name, string What, long Count, long Bytes)
{
    public double BytesEach => (double)Bytes / Count;
}

/// <summary>Weighs what accounts keep in memory: builds many and asks the garbage collector.</summary>
internal sealed class MemoryCommand(ResultStore results)
{
    public const string Usage = """
        memory    bytes per account, subscription and idempotency key in memory
          --accounts N            accounts that are built, 100 to 1000000, default 100000
        """;

    private const int Owners = 16;

    public async Task RunAsync(Arguments arguments)
    {
        var accounts = arguments.Number("--accounts", 100_000, 100, 1_000_000);
        arguments.RefuseOthers();
        await WeighAccountsAsync(accounts);

        // A table is between 3/8 and 3/4 full; 12,288 subscriptions fill one to the brim, and one more doubles it.
        Weigh("subscription-full", "a record's subscription, its table full", Owners, 12_288, AddSubscriptions);
        Weigh("subscription-half", "a record's subscription, its table just grown", Owners, 12_289, AddSubscriptions);
        Weigh("key", "an idempotency key of the last 24 hours", Owners, KeyWindow.Budget, AddKeys);
        WeighForgottenKeys();
    }

    private async Task WeighAccountsAsync(int count)
    {
        using var folder = new ScratchFolder("memory");
        var options = new CreditMeteringOptions().UseSqlite(Path.Combine(folder.Path, "memory.db"));
        await using var ledger = options.LedgerStoreFactory!(null!);
        var ids = Enumerable.Range(0, count).Select(index => new AccountId($"acct_{index}")).ToArray();
        await WeighActiveAsync(ledger, options, ids);
        await WeighIdleAsync(ledger, options, ids);
    }

    private async Task WeighActiveAsync(ILedgerStore ledger, CreditMeteringOptions options, AccountId[] ids)
    {
        await using var meter = Meter(ledger, options);

        // Once through, so that nothing of the engine's own is weighed with the accounts.
        await DeductAsync(meter, ids[0], isNew: true);
        var before = Heap();
        foreach (var chunk in ids.Skip(1).Chunk(512))
        {
            await Task.WhenAll(chunk.Select(id => DeductAsync(meter, id, isNew: true)));
        }

        Report(new("active-account", "an active account: opened, granted, one deduction with a key", ids.Length - 1, Heap() - before));
        using var process = Process.GetCurrentProcess();
        Report(new("process", $"the whole process with {ids.Length:N0} active accounts, all of its private memory", 1, process.PrivateMemorySize64));
    }

    private async Task WeighIdleAsync(ILedgerStore ledger, CreditMeteringOptions options, AccountId[] ids)
    {
        var before = Heap();
        options.MemoryBudgetBytes = 1L << 20;
        await using var meter = Meter(ledger, options);
        foreach (var chunk in ids.Chunk(512))
        {
            await Task.WhenAll(chunk.Select(id => DeductAsync(meter, id, isNew: false)));
        }

        Report(new("idle-account", $"an idle account: used once, and out of memory again ({meter.ActiveAccounts:N0} of them still in it)", ids.Length, Math.Max(0, Heap() - before)));
    }

    private static EmbeddedCreditMeter Meter(ILedgerStore ledger, CreditMeteringOptions options) =>
        new(ledger, options, TimeProvider.System, NullLogger<EmbeddedCreditMeter>.Instance);

    private static async Task DeductAsync(EmbeddedCreditMeter meter, AccountId account, bool isNew)
    {
        if (isNew)
        {
            _ = (await meter.OpenAccountAsync(account, new() { Plan = "starter" })).Value;
            _ = (await meter.GrantAsync(account, new() { Source = GrantSource.Purchase, Amount = Credits.Of(1_000) })).Value;
        }

        _ = (await meter.DeductAsync(account, new() { Product = "lead.search", Quantity = 97, IdempotencyKey = $"key-{isNew}" })).Value;
    }

    private void Weigh(string name, string what, int owners, int each, Action<AccountState, int> add)
    {
        var states = Enumerable.Range(0, owners).Select(_ => SampleAccount.Open()).ToArray();
        var before = Heap();
        foreach (var state in states)
        {
            add(state, each);
        }

        Report(new(name, what, (long)owners * each, Heap() - before));
        GC.KeepAlive(states);
    }

    private void WeighForgottenKeys()
    {
        const int Times = 4;
        var states = Enumerable.Range(0, Owners).Select(_ => SampleAccount.Open()).ToArray();
        foreach (var state in states)
        {
            AddKeys(state, KeyWindow.Budget);
        }

        var before = Heap();
        foreach (var state in states)
        {
            AddKeys(state, KeyWindow.Budget * Times);
        }

        Report(new("forgotten-key", "an idempotency key of the last 24 hours beyond the budget", (long)Owners * KeyWindow.Budget * Times, Math.Max(0, Heap() - before)));
        GC.KeepAlive(states);
    }

    private static void AddSubscriptions(AccountState state, int count)
    {
        for (var added = 0; added < count;)
        {
            var records = Enumerable.Range(added, Math.Min(1_000, count - added))
                .Select(index => new PricedRecord(RecordKey.Of("company", $"c-{index}"), "company", $"c-{index}", Credits.Of(1), true, AccessLevel.Trial))
                .ToArray();
            SampleAccount.Apply(state, new AccessRecords { Records = records, Tag = (ulong)added });
            added += records.Length;
        }
    }

    private static void AddKeys(AccountState state, int count)
    {
        for (var index = 0; index < count; index++)
        {
            SampleAccount.Apply(state, SampleAccount.Deduction((ulong)state.Sequence + 1));
        }
    }

    private static long Heap()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers();
        return GC.GetTotalMemory(forceFullCollection: true);
    }

    private void Report(MemoryResult result)
    {
        results.Save($"memory-{result.Name}", result);
        Console.WriteLine($"{result.BytesEach,14:N1} bytes  {result.What} ({result.Count:N0} built)");
    }
}

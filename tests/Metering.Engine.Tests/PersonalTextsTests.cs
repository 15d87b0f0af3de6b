using System.Text;
using Metering.Conformance;
using Metering.Core;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Metering.Engine.Tests;

/// <summary>Erasing what customers wrote: what callers see of it, and what is left in the files.</summary>
public sealed class PersonalTextsTests : IAsyncDisposable, IAsyncLifetime
{
    private const string Secret = "Erika-Mustermann";
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly AccountId Account = new("acct");
    private static readonly AccountId Other = new("other");

    private readonly TempFolder folder = new();
    private readonly ManualTimeProvider clock = new(Start);
    private SqliteLedgerStore store = null!;
    private EmbeddedCreditMeter meter = null!;

    public async Task InitializeAsync()
    {
        Open();
        await meter.OpenAccountAsync(Account, new() { Plan = "scale" });
        await meter.OpenAccountAsync(Other, new() { Plan = "scale" });
    }

    Task IAsyncLifetime.DisposeAsync() => DisposeAsync().AsTask();

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        folder.Remove();
    }

    [Fact]
    public async Task No_file_of_the_ledger_holds_erased_texts_and_the_ledger_is_sound()
    {
        await SpendAsync(Account, 400);
        await SpendAsync(Other, 50, "Otto-Normal");
        await RestartAsync();
        await SpendAsync(Account, 700);
        Assert.True(Found(Secret) > 0);

        Assert.Equal(1_101, await store.EraseTextsAsync(Account));
        Assert.Equal(0, Found(Secret));
        Assert.True(Found("Otto-Normal") > 0);
        await AssertSoundAsync();

        await SpendAsync(Other, 5, "Otto-Normal");
        await RestartAsync();
        Assert.Equal(0, Found(Secret));
        Assert.Equal(0, await store.EraseTextsAsync(Account));
        await AssertSoundAsync();
        var page = (await meter.ListTransactionsAsync(Account, new() { Limit = 1_000 })).Value;
        Assert.All(page.Items, item => Assert.Equal((string.Empty, null), (item.Description, item.Reference)));
    }

    [Theory]
    [InlineData(256L << 20)]
    [InlineData(0)]
    public async Task Texts_that_pages_held_before_they_were_rewritten_are_gone_too(long writtenAnewBytes)
    {
        // Pages of a few entries, rewritten with every step as they grow, of accounts that lie between each other.
        var accounts = Enumerable.Range(0, 40).Select(number => new AccountId($"acct-{number}")).ToArray();
        foreach (var account in accounts)
        {
            await meter.OpenAccountAsync(account, new() { Plan = "scale" });
        }

        for (var round = 0; round < 12; round++)
        {
            foreach (var account in accounts)
            {
                await SpendAsync(account, 2, account == accounts[7] ? Secret : "Otto-Normal");
            }

            await RestartAsync();
        }

        store.Pages.WrittenAnewBytes = writtenAnewBytes;
        Assert.Equal(25, await store.EraseTextsAsync(accounts[7]));
        Assert.Equal(0, Found(Secret));
        await AssertSoundAsync();
    }

    [Fact]
    public async Task Retries_refunds_and_subscriptions_go_on_without_their_texts()
    {
        var records = new RecordAccessRequest { Records = [new("company", Secret), new("contact", Secret)], Description = Secret, IdempotencyKey = "once" };
        var first = (await meter.AccessRecordsAsync(Account, records)).Value;
        var spent = new DeductRequest { Amount = Credits.Of(3), Description = Secret, Reference = Secret, IdempotencyKey = "twice" };
        var deduction = (await meter.DeductAsync(Account, spent)).Value;
        await store.EraseTextsAsync(Account);
        Assert.Equal(0, Found(Secret));
        await RestartAsync();

        var again = await meter.AccessRecordsAsync(Account, records);
        Assert.True(again.IsReplay);
        Assert.Equal((first.TransactionId, first.Charged, 2), (again.Value.TransactionId, again.Value.Charged, again.Value.Records.Count));
        Assert.Equal(deduction, (await meter.DeductAsync(Account, spent)).Value);
        Assert.Equal(Credits.Zero, (await meter.AccessRecordsAsync(Account, records with { IdempotencyKey = null, Description = null })).Value.Charged);
        var status = (await meter.GetTransactionAsync(Account, deduction.TransactionId)).Value;
        Assert.Equal((TransactionState.Charged, string.Empty), (status.State, status.Transaction!.Description));

        Assert.True((await meter.RefundAsync(Account, new() { TransactionId = first.TransactionId!.Value })).IsSuccess);
        Assert.Equal(first.Charged, (await meter.AccessRecordsAsync(Account, new() { Records = records.Records })).Value.Charged);
        await AssertSoundAsync();
    }

    [Fact]
    public async Task Only_what_was_decided_before_an_instant_is_erased()
    {
        await SpendAsync(Account, 3, "old");
        clock.Advance(TimeSpan.FromDays(2));
        await SpendAsync(Account, 4, "new");
        Assert.Equal(4, await store.EraseTextsAsync(Account, Start.AddDays(1)));
        var texts = (await meter.ListTransactionsAsync(Account, new() { Limit = 100 })).Value.Items.Select(item => item.Description);
        Assert.Equal(["new", "new", "new", "new", "", "", "", ""], texts);
        Assert.Equal(4, await store.EraseTextsAsync(Account));
        await AssertSoundAsync();
    }

    [Fact]
    public async Task Erasing_beside_calls_of_the_account_loses_nothing()
    {
        await SpendAsync(Account, 300);
        using var stop = new CancellationTokenSource();
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var spending = Task.Run(async () =>
        {
            var count = 0;
            for (; !stop.IsCancellationRequested; count++)
            {
                await SpendAsync(Account, 1, "later");
                await SpendAsync(Other, 1, "later");
                begun.TrySetResult();
            }

            return count;
        });
        await begun.Task;
        for (var round = 0; round < 3; round++)
        {
            await store.EraseTextsAsync(Account);
        }

        await stop.CancelAsync();
        var spent = await spending;
        Assert.Equal(0, Found(Secret));
        Assert.Equal(301 + spent, (await meter.ListTransactionsAsync(Account, new() { Limit = 1 })).Value.Total);
        await AssertSoundAsync();
        await RestartAsync();
        await AssertSoundAsync();
    }

    [Fact]
    public async Task Damage_in_erased_groups_is_still_found()
    {
        await SpendAsync(Account, 20);
        await store.EraseTextsAsync(Account);
        var rows = await store.ReadAsync(Account, 1, 100);
        Assert.Null(Verify([.. rows]));

        var facts = rows[9].Facts.ToArray();
        facts[^1] ^= 1;
        Assert.Contains("chain is broken", Verify([.. rows.Select(row => row.Sequence == 10 ? row with { Facts = facts } : row)]), StringComparison.Ordinal);
        var digest = new ChainLink(1, 2, 3, 4);
        Assert.Contains("chain is broken", Verify([.. rows.Select(row => row.Sequence == 10 ? row with { TextsDigest = digest } : row)]), StringComparison.Ordinal);
        Assert.Contains("chain is broken", Verify([.. rows.Select(row => row.Sequence == 10 ? row with { TextsDigest = null } : row)]), StringComparison.Ordinal);
        var texts = new byte[] { 1, (byte)'x', 0 };
        Assert.Contains("texts stand beside the digest", Verify([.. rows.Select(row => row.Sequence == 10 ? row with { Texts = texts } : row)]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_call_that_was_broken_off_goes_on()
    {
        await SpendAsync(Account, 100);
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await store.EraseTextsAsync(Account, null, cancelled.Token));
        Assert.Equal(101, await store.EraseTextsAsync(Account));
        Assert.Equal(0, Found(Secret));
    }

    private static string? Verify(LedgerRow[] rows)
    {
        var replay = new LedgerReplay(Account, null, []);
        return replay.AddAll(rows) is var (_, fault) ? fault : replay.End();
    }

    private void Open()
    {
        store = SqliteLedgerStore.Open(folder.File("metering.db"));
        meter = new(store, new(), clock, NullLogger<EmbeddedCreditMeter>.Instance);
    }

    private async Task CloseAsync()
    {
        await meter.DisposeAsync();
        await store.DisposeAsync();
    }

    private async Task RestartAsync()
    {
        await CloseAsync();
        Open();
    }

    private async Task SpendAsync(AccountId account, int times, string text = Secret)
    {
        for (var time = 0; time < times; time++)
        {
            Assert.True((await meter.DeductAsync(account, new() { Amount = new Credits(1), Description = text, Reference = text })).IsSuccess);
        }
    }

    private async Task AssertSoundAsync()
    {
        var report = await LedgerVerifier.VerifyAsync(store);
        Assert.True(report.IsSound, report.Fault);
    }

    /// <summary>How often a text stands in the files of the ledger, logs included.</summary>
    private int Found(string text)
    {
        var (found, wanted) = (0, Encoding.UTF8.GetBytes(text));
        foreach (var path in Directory.GetFiles(Path.GetDirectoryName(folder.File("x"))!, "*.db*").Where(path => !path.EndsWith(".lock", StringComparison.Ordinal)))
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            var bytes = new byte[stream.Length];
            var length = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            for (var rest = bytes.AsSpan(0, length); rest.IndexOf(wanted) is >= 0 and var at; rest = rest[(at + wanted.Length)..])
            {
                found++;
            }
        }

        return found;
    }
}

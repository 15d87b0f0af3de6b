using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Metering.Core;
using Metering.Engine;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Cli.Tests;

public sealed class VerifyTests : IDisposable
{
    private readonly TempFolder folder = new();

    private string Data => folder.File("data");

    public void Dispose() => folder.Remove();

    [Fact]
    public async Task A_sound_ledger_passes_with_its_counts()
    {
        await TestData.FillAsync(Data);
        var run = (await ToolRun.OfAsync("verify", "--store", Data)).IsDone();
        Assert.Matches(@"Checked \d+ entries of 4 accounts in \d+\.\d s\.\n", run.Output);
        Assert.Contains("The ledger is sound.\nThe directory can be read: 4 profiles, 8 API keys.\n", run.Output, StringComparison.Ordinal);
        Assert.Contains("Verifying: 100% (", run.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', run.Output + run.Errors);
    }

    [Fact]
    public async Task A_flipped_byte_is_found_and_the_row_is_named()
    {
        await TestData.FillAsync(Data);
        long bad;
        await using (var ledger = SqliteLedgerStore.Open(TestData.LedgerOf(Data)))
        {
            bad = (await ledger.ReadAsync(new("account-001"), 1, 100)).Single(IsSearchNumber1).Sequence;
        }

        TestData.FlipByteOf(Data, "Search number 1 of account-001");
        var run = await ToolRun.OfAsync("verify", "--store", Data);
        Assert.Equal(ExitCode.Unsound, run.Code);
        Assert.Contains("The ledger is NOT sound. First fault: Account account-001, entry ", run.Output, StringComparison.Ordinal);

        // A store that packs rows may be able to read none of a damaged pack: the row named is then the first of it.
        Assert.InRange(long.Parse(Regex.Match(run.Output, @"entry (\d+):").Groups[1].Value, CultureInfo.InvariantCulture), 1, bad);
    }

    [Fact]
    public async Task The_row_that_was_changed_is_the_row_that_is_named()
    {
        await TestData.FillAsync(Data);
        await using var ledger = SqliteLedgerStore.Open(TestData.LedgerOf(Data));
        var changed = (await ledger.ReadAsync(new("account-001"), 1, 100)).Single(IsSearchNumber1);
        var report = await LedgerVerifier.VerifyAsync(new Altered(ledger, changed));
        Assert.StartsWith($"Account account-001, entry {changed.Sequence}: the chain is broken", report.Fault, StringComparison.Ordinal);

        // Inside a commit of several entries nothing tells which one it was, but which commit.
        var batch = await ledger.ReadAsync(new("account-001"), 1, 100);
        var inner = batch.First(row => row.Link is null && !row.Texts.IsEmpty);
        var last = batch.First(row => row.Sequence > inner.Sequence && row.Link is not null);
        report = await LedgerVerifier.VerifyAsync(new Altered(ledger, inner));
        Assert.Matches($"^Account account-001, entry {last.Sequence}: the chain is broken: .* entries of its commit, \\d+ to {last.Sequence}, ", report.Fault);
    }

    [Fact]
    public async Task A_snapshot_that_is_not_what_the_entries_add_up_to_is_found()
    {
        await TestData.FillAsync(Data);
        await using (var ledger = SqliteLedgerStore.Open(TestData.LedgerOf(Data)))
        {
            var snapshots = await ledger.ReadSnapshotsAsync(new("account-000"));
            await ledger.SaveSnapshotAsync(new("account-000"), snapshots[0] with { State = snapshots[1].State });
        }

        var run = await ToolRun.OfAsync("verify", "--store", Data);
        Assert.Equal(ExitCode.Unsound, run.Code);
        Assert.Matches(@"Account account-000, entry \d+: the snapshot taken here differs", run.Output);
    }

    [Fact]
    public async Task A_row_that_cannot_be_read_is_named_and_those_before_it_are_counted()
    {
        await TestData.FillAsync(Data);
        await using var ledger = SqliteLedgerStore.Open(TestData.LedgerOf(Data));
        var report = await LedgerVerifier.VerifyAsync(new Unreadable(ledger, new("account-001"), sequence: 7));
        Assert.Equal("Account account-001, entry 7: the page is damaged.", report.Fault);
        Assert.Equal(2, report.Accounts);
        Assert.Equal((await ledger.ReadHeadAsync(new("account-000"))).Head.Sequence + 6, report.Entries);
    }

    [Fact]
    public async Task An_account_that_has_lost_all_its_entries_is_named()
    {
        await TestData.FillAsync(Data);
        await using var ledger = SqliteLedgerStore.Open(TestData.LedgerOf(Data));
        var report = await LedgerVerifier.VerifyAsync(new Emptied(ledger, new("account-002")));
        Assert.Equal("Account account-002, entry 1: the account is listed, and has no entries.", report.Fault);
    }

    [Fact]
    public async Task A_file_that_is_no_ledger_any_more_is_damage_and_a_missing_or_busy_one_is_not()
    {
        await TestData.FillAsync(Data);
        (await ToolRun.OfAsync("verify", "--store", folder.File("none"))).IsOneSentence(ExitCode.CannotRun, "There is no ledger at");
        Assert.False(Directory.Exists(folder.File("none")));
        (await ToolRun.OfAsync("verify", "--store", folder.File("none.db"))).IsOneSentence(ExitCode.CannotRun, "none.db; allowed: a data folder");
        await using (var services = TestData.Serve(Data))
        {
            _ = services.GetRequiredService<EmbeddedCreditMeter>();
            (await ToolRun.OfAsync("verify", "--store", Data)).IsOneSentence(ExitCode.CannotRun, "is in use by another process");
        }

        File.WriteAllText(TestData.LedgerOf(Data), "this was a ledger once, and somebody wrote over it");
        (await ToolRun.OfAsync("verify", "--store", Data)).IsOneSentence(ExitCode.Unsound, "is damaged");
    }

    [Fact]
    public async Task Progress_comes_while_one_account_is_checked()
    {
        await TestData.FillAsync(Data, accounts: 1, many: 3_000);
        await using var ledger = SqliteLedgerStore.Open(TestData.LedgerOf(Data));
        var told = new List<VerificationReport>();
        var report = await LedgerVerifier.VerifyAsync(ledger, new Listener(told));
        Assert.True(told.Count >= 3, $"Told {told.Count} times.");
        Assert.Equal(told.Select(now => now.Entries).Order(), told.Select(now => now.Entries));
        Assert.Equal(report, told[^1]);
    }

    private sealed class Listener(List<VerificationReport> told) : IProgress<VerificationReport>
    {
        public void Report(VerificationReport value) => told.Add(value);
    }

    private static bool IsSearchNumber1(LedgerRow row) => Encoding.UTF8.GetString(row.Texts.Span).Contains("Search number 1 of", StringComparison.Ordinal);

    /// <summary>A store in which a letter of one entry's texts was changed.</summary>
    private sealed class Altered(ILedgerStore inner, LedgerRow row) : Conformance.DelegatingLedgerStore(inner)
    {
        public override async ValueTask<IReadOnlyList<LedgerRow>> ReadAsync(AccountId account, long fromSequence, int limit, CancellationToken cancellationToken = default)
        {
            var texts = row.Texts.ToArray();
            texts[^3] ^= 1;
            var rows = await base.ReadAsync(account, fromSequence, limit, cancellationToken);
            return [.. rows.Select(stored => stored.Sequence == row.Sequence && stored.Facts.Span.SequenceEqual(row.Facts.Span) ? stored with { Texts = texts } : stored)];
        }
    }

    private sealed class Emptied(ILedgerStore inner, AccountId emptied) : Conformance.DelegatingLedgerStore(inner)
    {
        public override ValueTask<IReadOnlyList<LedgerRow>> ReadAsync(AccountId account, long fromSequence, int limit, CancellationToken cancellationToken = default) =>
            account == emptied ? new([]) : base.ReadAsync(account, fromSequence, limit, cancellationToken);
    }

    private sealed class Unreadable(ILedgerStore inner, AccountId bad, long sequence) : Conformance.DelegatingLedgerStore(inner)
    {
        public override async ValueTask<IReadOnlyList<LedgerRow>> ReadAsync(AccountId account, long fromSequence, int limit, CancellationToken cancellationToken = default)
        {
            var rows = await base.ReadAsync(account, fromSequence, limit, cancellationToken);
            return account == bad && rows.Any(row => row.Sequence == sequence) ? throw new LedgerFormatException("the page is damaged.") : rows;
        }
    }
}

using Metering.Conformance;
using Metering.Engine;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Cli.Tests;

public sealed class CopyTests : IDisposable
{
    private readonly TempFolder folder = new();

    private string Source => folder.File("source");

    private string Target => folder.File("target");

    public void Dispose() => folder.Remove();

    [Fact]
    public async Task A_copy_and_the_copy_of_it_are_the_same_byte_for_byte()
    {
        await TestData.FillAsync(Source, accounts: 5, many: 900);
        var content = await TestData.ContentOfAsync(Source);
        Assert.Contains("Snapshot ", content, StringComparison.Ordinal);

        var there = (await ToolRun.OfAsync("copy", "--from", Source, "--to", $"sqlite:{Target}")).IsDone();
        (await ToolRun.OfAsync("copy", "--from", Target, "--to", folder.File("back"))).IsDone();

        Assert.Contains("0 were there before.\n", there.Output, StringComparison.Ordinal);
        Assert.Contains("Directory, profiles: 5 rows in both; 5 brought and 0 removed by this run.\nDirectory, api_keys: 10 rows in both; 10 brought", there.Output, StringComparison.Ordinal);
        Assert.Contains("The ledger is sound.", there.Output, StringComparison.Ordinal);
        Assert.Contains("Copying: 100% (", there.Errors, StringComparison.Ordinal);
        Assert.Equal(content, await TestData.ContentOfAsync(Target));
        Assert.Equal(content, await TestData.ContentOfAsync(folder.File("back")));
        Assert.Equal(content, await TestData.ContentOfAsync(Source));
    }

    [Fact]
    public async Task A_copy_into_another_kind_of_store_is_the_same_byte_for_byte()
    {
        await TestData.FillAsync(Source);
        await using var source = SqliteLedgerStore.Open(TestData.LedgerOf(Source));
        await using var memory = new MemoryLedgerStore();
        await using var back = SqliteLedgerStore.Open(folder.File("back.db"));
        foreach (var (from, to) in new (ILedgerStore, ILedgerStore)[] { (source, memory), (memory, back) })
        {
            var copy = new LedgerCopy(from, to);
            Assert.Null(await copy.CheckTargetAsync(CancellationToken.None));
            Assert.Null(await copy.RunAsync(new Silent(), CancellationToken.None));
            Assert.Null(await copy.CompareAsync(CancellationToken.None));
        }

        Assert.Equal(await TestData.ContentOfAsync(source), await TestData.ContentOfAsync(back));
        Assert.True((await LedgerVerifier.VerifyAsync(back)).IsSound);
    }

    [Fact]
    public async Task A_copy_that_was_stopped_half_way_goes_on_where_it_stood()
    {
        await TestData.FillAsync(Source, accounts: 3, many: 2_000);
        using var stop = new CancellationTokenSource();
        var stopped = await ToolRun.OfAsync(["copy", "--from", Source, "--to", Target], new CancellingWriter(stop, "Copying: 10%"), stop.Token);
        Assert.Equal(ExitCode.Interrupted, stopped.Code);
        Assert.EndsWith("Stopped before the end; run the same command again to go on.\n", stopped.Errors, StringComparison.Ordinal);

        long kept;
        await using (var partial = SqliteLedgerStore.Open(TestData.LedgerOf(Target)))
        {
            Assert.Equal("account-000", Assert.Single(await partial.ListAccountsAsync(null, 10)).Value);
            kept = (await partial.ReadHeadAsync(new("account-000"))).Head.Sequence;
            Assert.InRange(kept, 1, 2_000);
            Assert.True((await LedgerVerifier.VerifyAsync(partial)).IsSound);
        }

        var resumed = (await ToolRun.OfAsync("copy", "--from", Source, "--to", Target)).IsDone();
        Assert.Contains($"; {kept} were there before.", resumed.Output.Replace(",", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Equal(await TestData.ContentOfAsync(Source), await TestData.ContentOfAsync(Target));
    }

    [Fact]
    public async Task Running_again_brings_only_what_the_source_got_since()
    {
        await TestData.FillAsync(Source);
        (await ToolRun.OfAsync("copy", "--from", Source, "--to", Target)).IsDone();
        await using (var services = TestData.Serve(Source))
        {
            var meter = services.GetRequiredService<EmbeddedCreditMeter>();
            await TestData.SpendAsync(meter, new("account-002"), 1);
            await TestData.OpenAsync(meter, new("new"));
            await meter.DrainAsync();
            var directory = services.GetRequiredService<IDirectoryStore>();
            var key = (await directory.ListKeysAsync(new("account-001")))[0];
            await directory.RevokeKeyAsync(key.Account, key.Id, key.CreatedAt.AddDays(2));
        }

        var again = (await ToolRun.OfAsync("copy", "--from", Source, "--to", Target)).IsDone();
        Assert.DoesNotContain("Copied 0 entries", again.Output, StringComparison.Ordinal);
        Assert.Equal(await TestData.ContentOfAsync(Source), await TestData.ContentOfAsync(Target));

        var idle = (await ToolRun.OfAsync("copy", "--from", Source, "--to", Target)).IsDone();
        Assert.Contains("Copied 0 entries of 5 accounts", idle.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_target_with_another_history_is_refused_and_left_alone()
    {
        await TestData.FillAsync(Source);
        await TestData.FillAsync(Target, accounts: 2);
        var before = await TestData.ContentOfAsync(Target);
        (await ToolRun.OfAsync("copy", "--from", Source, "--to", Target)).IsOneSentence(ExitCode.Unsound, "Account account-000 stands at entry");
        Assert.Equal(before, await TestData.ContentOfAsync(Target));
    }

    [Fact]
    public async Task A_target_that_went_on_by_itself_is_refused_naming_the_account()
    {
        await TestData.FillAsync(Source);
        (await ToolRun.OfAsync("copy", "--from", Source, "--to", Target)).IsDone();
        await using (var services = TestData.Serve(Target))
        {
            await TestData.SpendAsync(services.GetRequiredService<ICreditMeter>(), new("account-003"), 1);
        }

        (await ToolRun.OfAsync("copy", "--from", Source, "--to", Target)).IsOneSentence(ExitCode.Unsound, "Account account-003 stands at entry");
    }

    [Fact]
    public async Task A_target_with_an_account_of_its_own_is_refused_naming_it()
    {
        await TestData.FillAsync(Source);
        await using (var services = TestData.Serve(Target))
        {
            await TestData.OpenAsync(services.GetRequiredService<ICreditMeter>(), new("stranger"));
        }

        var refused = await ToolRun.OfAsync("copy", "--from", Source, "--to", Target);
        refused.IsOneSentence(ExitCode.Unsound, "Account stranger stands at entry");
        Assert.Contains("which has no such account", refused.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_target_whose_directory_says_something_else_is_refused()
    {
        await TestData.FillAsync(Source);
        Directory.CreateDirectory(Target);
        await using (var directory = SqliteDirectoryStore.Open(SqliteMeteringOptions.DirectoryPath(TestData.LedgerOf(Target))))
        {
            await directory.TryAddProfileAsync(new() { Account = new("account-001"), Email = "other@example.com", CreatedAt = DateTimeOffset.UnixEpoch });
        }

        var refused = await ToolRun.OfAsync("copy", "--from", Source, "--to", Target);
        Assert.Equal(ExitCode.Unsound, refused.Code);
        Assert.Contains("The profile of account account-001 in the target differs", refused.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_target_that_somebody_writes_meanwhile_is_told_of()
    {
        await TestData.FillAsync(Source);
        await using var source = SqliteLedgerStore.Open(TestData.LedgerOf(Source));
        await using var memory = new MemoryLedgerStore();
        var copy = new LedgerCopy(source, new Overtaken(memory));
        Assert.Contains("was written in the target while it was copied", await copy.RunAsync(new Silent(), CancellationToken.None), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_source_that_is_written_meanwhile_is_told_of_and_the_next_run_brings_the_rest()
    {
        await using var source = new MemoryLedgerStore();
        await using var target = new MemoryLedgerStore();
        var (first, second) = (new LedgerWriting("first"), new LedgerWriting("second"));
        await source.AppendAsync([first.Next(3), second.Next(2)]);
        var copy = new LedgerCopy(source, target);
        Assert.Null(await copy.RunAsync(new Silent(), CancellationToken.None));
        await source.AppendAsync([second.Next()]);
        Assert.StartsWith("Account second stands at entry 2 in the target and at entry 3 in the source.", await copy.CompareAsync(CancellationToken.None), StringComparison.Ordinal);
        await source.AppendAsync([new LedgerWriting("a-third").Next()]);
        Assert.StartsWith("Account a-third is in one of the two ledgers only.", await copy.CompareAsync(CancellationToken.None), StringComparison.Ordinal);

        var again = new LedgerCopy(source, target);
        Assert.Null(await again.RunAsync(new Silent(), CancellationToken.None));
        Assert.Null(await again.CompareAsync(CancellationToken.None));
        Assert.Equal((2, 5, 3), (again.Copied, again.Kept, again.Accounts));
    }

    [Fact]
    public async Task Commits_larger_than_a_read_stay_whole()
    {
        await using var source = new MemoryLedgerStore();
        await using var target = new MemoryLedgerStore();
        var ledger = new LedgerWriting("large");
        foreach (var rows in new[] { 3, 5_000, 1, 254, 300, 1 })
        {
            await source.AppendAsync([ledger.Next(rows)]);
        }

        var copy = new LedgerCopy(source, target);
        Assert.Null(await copy.RunAsync(new Silent(), CancellationToken.None));
        Assert.Null(await copy.CompareAsync(CancellationToken.None));
        Assert.Equal(
            (await source.ReadAsync(ledger.Account, 1, 10_000)).Select(row => row.Link),
            (await target.ReadAsync(ledger.Account, 1, 10_000)).Select(row => row.Link));
    }

    [Fact]
    public async Task Damage_in_the_source_is_found_in_the_copy()
    {
        await TestData.FillAsync(Source);
        TestData.FlipByteOf(Source, "Search number 2 of account-001");
        var run = await ToolRun.OfAsync("copy", "--from", Source, "--to", Target);
        Assert.Equal(ExitCode.Unsound, run.Code);
    }

    [Fact]
    public async Task A_source_in_use_a_missing_source_and_the_same_store_twice_are_refused()
    {
        await TestData.FillAsync(Source);
        (await ToolRun.OfAsync("copy", "--from", Source, "--to", TestData.LedgerOf(Source))).IsOneSentence(ExitCode.CannotRun, "are the same store");
        (await ToolRun.OfAsync("copy", "--from", folder.File("none"), "--to", Target)).IsOneSentence(ExitCode.CannotRun, "There is no ledger at");
        Assert.False(Directory.Exists(Target));
        await using var services = TestData.Serve(Source);
        _ = services.GetRequiredService<EmbeddedCreditMeter>();
        (await ToolRun.OfAsync("copy", "--from", Source, "--to", Target)).IsOneSentence(ExitCode.CannotRun, "is in use by another process");
    }

    private sealed class Silent : IProgressDisplay
    {
        public void Set(long done, long all)
        {
        }
    }

    /// <summary>A store in which somebody else is always quicker.</summary>
    private sealed class Overtaken(ILedgerStore inner) : DelegatingLedgerStore(inner)
    {
        public override ValueTask AppendAsync(IReadOnlyList<AppendGroup> groups, CancellationToken cancellationToken = default)
        {
            foreach (var group in groups)
            {
                group.Result = AppendResult.HeadMismatch;
            }

            return ValueTask.CompletedTask;
        }
    }
}

using Metering.Engine;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Cli.Tests;

public sealed class ArchiveTests : IDisposable
{
    private static readonly AccountId Account = new("account-000");
    private readonly TempFolder folder = new();

    private string Data => folder.File("data");

    public void Dispose() => folder.Remove();

    [Fact]
    public async Task Old_entries_move_into_an_archive_beside_the_ledger_and_both_verify()
    {
        await FillOverDaysAsync();
        var before = await BalanceAsync();
        var run = (await ToolRun.OfAsync("archive", "--store", Data, "--before", Day(0), "--min-entries", "20")).IsDone();
        Assert.Contains("of 1 of 4 accounts in", run.Output, StringComparison.Ordinal);
        Assert.Contains("Archiving: 100% (4 of 4 accounts)", run.Errors, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(Data, "metering.archive.db")));
        Assert.Equal(before, await BalanceAsync());

        var verified = (await ToolRun.OfAsync("verify", "--store", Data, "--archive", Path.Combine(Data, "metering.archive.db"))).IsDone();
        Assert.Contains("The ledger is sound.", verified.Output, StringComparison.Ordinal);
        Assert.Contains("The archive is sound.", verified.Output, StringComparison.Ordinal);

        var again = (await ToolRun.OfAsync("archive", "--store", Data, "--before", Day(0), "--min-entries", "20")).IsDone();
        Assert.Contains("Nothing was old enough", again.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_archived_store_can_be_copied_and_its_copy_verifies_with_the_archive()
    {
        await FillOverDaysAsync();
        (await ToolRun.OfAsync("archive", "--store", Data, "--before", Day(0), "--min-entries", "20", "--to", folder.File("old.db"))).IsDone();
        (await ToolRun.OfAsync("copy", "--from", Data, "--to", folder.File("copy"))).IsDone();
        (await ToolRun.OfAsync("copy", "--from", Data, "--to", folder.File("copy"))).IsDone();
        (await ToolRun.OfAsync("verify", "--store", folder.File("copy"), "--archive", folder.File("old.db"))).IsDone();
    }

    [Fact]
    public async Task Migrating_a_store_says_nothing_of_an_archive_that_it_does_not_migrate()
    {
        await FillOverDaysAsync();
        (await ToolRun.OfAsync("archive", "--store", Data, "--before", Day(0), "--min-entries", "20")).IsDone();
        var archive = Path.Combine(Data, "metering.archive.db");
        var bytes = await File.ReadAllBytesAsync(archive);
        bytes[63]--; // The schema's version.
        await File.WriteAllBytesAsync(archive, bytes);
        var run = (await ToolRun.OfAsync("migrate", "--store", Data)).IsDone();
        Assert.Contains("metering.journal.db: schema", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("archive", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_archive_than_the_ledgers_own_is_named_by_verify()
    {
        await FillOverDaysAsync();
        (await ToolRun.OfAsync("archive", "--store", Data, "--before", Day(0), "--min-entries", "20")).IsDone();
        await TestData.FillAsync(folder.File("other"));
        var run = await ToolRun.OfAsync("verify", "--store", Data, "--archive", folder.File("other"));
        Assert.Equal(ExitCode.Unsound, run.Code);
        Assert.Contains("The archive is NOT sound. First fault: Account account-000", run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("yesterday", "20", null, "--before is 'yesterday'")]
    [InlineData("2026-01-01", "0", null, "--min-entries is 0")]
    [InlineData("2026-01-01", "20", "metering.db", "are the same file")]
    public async Task What_cannot_be_done_is_said_in_one_sentence(string before, string minimum, string? to, string sentence)
    {
        await TestData.FillAsync(Data);
        string[] target = to is null ? [] : ["--to", Path.Combine(Data, to)];
        var run = await ToolRun.OfAsync(["archive", "--store", Data, "--before", before, "--min-entries", minimum, .. target]);
        Assert.Equal(ExitCode.CannotRun, run.Code);
        Assert.Contains(sentence, run.Errors, StringComparison.Ordinal);
    }

    private static string Day(int fromNow) => TimeProvider.System.GetUtcNow().AddDays(fromNow).ToString("yyyy-MM-dd", null);

    /// <summary>Entries of ten days ago, and one of now.</summary>
    private async Task FillOverDaysAsync()
    {
        await TestData.FillAsync(Data, clock: new Shifted(TimeSpan.FromDays(-10)));
        await using var services = TestData.Serve(Data);
        var meter = services.GetRequiredService<EmbeddedCreditMeter>();
        _ = (await meter.DeductAsync(Account, new() { Amount = Credits.Of(1) })).Value;
        await meter.DrainAsync();
    }

    private async Task<Credits> BalanceAsync()
    {
        await using var services = TestData.Serve(Data);
        return (await services.GetRequiredService<EmbeddedCreditMeter>().GetBalanceAsync(Account)).Value.Available;
    }
}

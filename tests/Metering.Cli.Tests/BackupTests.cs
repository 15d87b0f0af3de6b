using System.Collections.Concurrent;
using Metering.Engine;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Metering.Cli.Tests;

public sealed class BackupTests : IDisposable
{
    private const int Writers = 6;
    private readonly TempFolder folder = new();

    private string Data => folder.File("data");

    public void Dispose() => folder.Remove();

    [Fact]
    public async Task A_backup_under_load_loses_nothing_that_was_acknowledged_before_it_began()
    {
        await TestData.FillAsync(Data, accounts: Writers);
        ConcurrentDictionary<AccountId, TransactionId> acknowledged = [];
        using var ended = new CancellationTokenSource();
        var backups = new List<(string Folder, Dictionary<AccountId, TransactionId> Before)>();
        await using (var services = TestData.Serve(Data))
        {
            var meter = services.GetRequiredService<EmbeddedCreditMeter>();
            using var allWrite = new CountdownEvent(Writers);
            var writers = Enumerable.Range(0, Writers).Select(number => Task.Run(() => WriteAsync(meter, new($"account-{number:D3}"), acknowledged, allWrite, ended.Token))).ToArray();
            await Task.Run(() => allWrite.Wait());
            for (var round = 0; round < 5; round++)
            {
                var to = folder.File($"backup-{round}");
                backups.Add((to, new(acknowledged)));
                (await ToolRun.OfAsync("backup", "--store", Data, "--to", to)).IsDone();
            }

            await ended.CancelAsync();
            await Task.WhenAll(writers);
        }

        foreach (var (backup, before) in backups)
        {
            (await ToolRun.OfAsync("verify", "--store", backup)).IsDone();
            await RestoresAsync(backup, before);
            (await ToolRun.OfAsync("verify", "--store", backup)).IsDone();
        }
    }

    [Fact]
    public async Task A_backup_of_a_stopped_server_is_the_same_and_is_verified_where_asked()
    {
        await TestData.FillAsync(Data);
        var run = (await ToolRun.OfAsync("backup", "--store", Data, "--to", folder.File("backup"), "--verify")).IsDone();
        Assert.Contains("metering.db: ", run.Output, StringComparison.Ordinal);
        Assert.Contains("metering.directory.db: ", run.Output, StringComparison.Ordinal);
        Assert.Contains("The ledger is sound.", run.Output, StringComparison.Ordinal);
        Assert.Equal(await TestData.ContentOfAsync(Data), await TestData.ContentOfAsync(folder.File("backup")));
    }

    [Fact]
    public async Task A_damaged_ledger_is_backed_up_as_it_is_and_told_of()
    {
        await TestData.FillAsync(Data);
        TestData.FlipByteOf(Data, "Search number 1 of account-001");
        var run = await ToolRun.OfAsync("backup", "--store", Data, "--to", folder.File("backup"), "--verify");
        Assert.Equal(ExitCode.Unsound, run.Code);
        Assert.Contains("Account account-001, entry", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_cannot_be_backed_up_is_refused_in_one_sentence()
    {
        await TestData.FillAsync(Data);
        (await ToolRun.OfAsync("backup", "--store", folder.File("none"), "--to", folder.File("b"))).IsOneSentence(ExitCode.CannotRun, "There is no ledger at");
        (await ToolRun.OfAsync("backup", "--store", Data, "--to", Data)).IsOneSentence(ExitCode.CannotRun, "is not an empty folder");
        (await ToolRun.OfAsync("backup", "--store", Data, "--to", "")).IsOneSentence(ExitCode.CannotRun, "name the folder");
        File.WriteAllText(folder.File("file"), "");
        (await ToolRun.OfAsync("backup", "--store", Data, "--to", folder.File("file/b"))).IsOneSentence(ExitCode.CannotRun, "cannot be written");
    }

    [Fact]
    public async Task PostgreSQL_gets_guidance_that_is_no_success()
    {
        var run = await ToolRun.OfAsync("backup", "--store", "Host=db;Port=5433;Username=it's;Database=metering;Password=secret", "--to", folder.File("b"));
        Assert.Equal(ExitCode.CannotRun, run.Code);
        Assert.Contains("SERVER='host=db port=5433 user=it'\\''s'\n", run.Output.ReplaceLineEndings("\n"), StringComparison.Ordinal);
        Assert.Contains("DATABASE='metering'", run.Output, StringComparison.Ordinal);
        Assert.Contains("pg_dump --format=custom", run.Output, StringComparison.Ordinal);
        Assert.Contains("pg_basebackup", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", run.Output + run.Errors, StringComparison.Ordinal);
    }

    private static async Task WriteAsync(
        EmbeddedCreditMeter meter, AccountId account, ConcurrentDictionary<AccountId, TransactionId> acknowledged, CountdownEvent allWrite, CancellationToken ended)
    {
        for (var call = 0; !ended.IsCancellationRequested; call++)
        {
            acknowledged[account] = (await meter.DeductAsync(account, new() { Amount = Credits.Of(0.01m), IdempotencyKey = $"load-{call}" }, CancellationToken.None)).Value.TransactionId;
            if (call == 20)
            {
                allWrite.Signal();
            }
        }
    }

    /// <summary>Starts on the backup: it knows what was acknowledged, takes more, and still has that after another start.</summary>
    private static async Task RestoresAsync(string backup, Dictionary<AccountId, TransactionId> before)
    {
        Dictionary<AccountId, TransactionId> later = [];
        await using (var services = TestData.Serve(backup))
        {
            var meter = services.GetRequiredService<ICreditMeter>();
            foreach (var (account, last) in before)
            {
                Assert.Equal(TransactionState.Charged, (await meter.GetTransactionAsync(account, last)).Value.State);
                later[account] = (await meter.DeductAsync(account, new() { Amount = Credits.Of(1), Description = "After the backup" })).Value.TransactionId;
            }
        }

        await using var again = TestData.Serve(backup);
        foreach (var (account, last) in later)
        {
            Assert.Equal(TransactionState.Charged, (await again.GetRequiredService<ICreditMeter>().GetTransactionAsync(account, last)).Value.State);
        }
    }
}

using Metering.Engine;
using Xunit;

namespace Metering.Cli.Tests;

/// <summary>The directory's part of <c>metering copy</c>: every table, again and again, and never over another history.</summary>
public sealed class CopyDirectoryTests : IDisposable
{
    private readonly TempFolder folder = new();

    private string Source => folder.File("source");

    private string Target => folder.File("target");

    public void Dispose() => folder.Remove();

    [Fact]
    public async Task Every_table_of_the_directory_is_copied_with_every_column()
    {
        await DirectoryRows.FillAsync(Source, 1, 600);
        var run = (await CopyAsync()).IsDone();
        DirectoryRows.AreAllTold(Source, run.Output, 600);
        Assert.Equal(DirectoryRows.ContentOf(Source), DirectoryRows.ContentOf(Target));
    }

    [Fact]
    public async Task A_copy_that_was_broken_off_brings_what_is_missing_and_the_next_one_nothing()
    {
        await DirectoryRows.FillAsync(Source, 1, 300);
        (await CopyAsync()).IsDone();
        await DirectoryRows.FillAsync(Source, 301, 300);
        DirectoryRows.Execute(Target, "DELETE FROM coupons WHERE amount % 3 = 0; DELETE FROM payment_documents WHERE version > 250; DELETE FROM api_keys WHERE number > 17");

        var resumed = (await CopyAsync()).IsDone();
        Assert.Contains("Directory, coupons: 600 rows in both; 400 brought and 0 removed by this run.", resumed.Output, StringComparison.Ordinal);
        Assert.Contains("Directory, audit: 600 rows in both; 300 brought and 0 removed by this run.", resumed.Output, StringComparison.Ordinal);
        Assert.Equal(DirectoryRows.ContentOf(Source), DirectoryRows.ContentOf(Target));
        var idle = (await CopyAsync()).IsDone();
        Assert.All(idle.Output.Split('\n').Where(line => line.StartsWith("Directory, ", StringComparison.Ordinal)), line => Assert.EndsWith("; 0 brought and 0 removed by this run.", line, StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_the_source_changed_since_an_earlier_copy_follows()
    {
        await DirectoryRows.FillAsync(Source, 1, 40);
        DirectoryRows.Execute(
            Source,
            """
            INSERT INTO payment_documents VALUES ('mail', 'sent since', 3, '{}', 5), ('calls', 'anew', 9, '{}', 5);
            UPDATE coupon_redemptions SET attempts = 1, granted_at = NULL WHERE taken_at IN (5, 6);
            UPDATE api_keys SET revoked_at = NULL WHERE number = 8;
            """);
        (await CopyAsync()).IsDone();
        DirectoryRows.Execute(
            Source,
            """
            DELETE FROM payment_documents WHERE kind = 'mail';
            UPDATE payment_documents SET version = 1, json = 'first' WHERE kind = 'calls';
            UPDATE payment_documents SET version = version + 1, json = 'captured', due_at = NULL WHERE version = 7;
            DELETE FROM coupon_redemptions WHERE taken_at = 5;
            UPDATE coupon_redemptions SET attempts = 2, granted_at = 99 WHERE taken_at = 6;
            UPDATE coupons SET redeemed = redeemed - 1 WHERE amount = 5;
            DELETE FROM answers WHERE started_at < 10;
            DELETE FROM kept_answers WHERE kept_at < 10;
            UPDATE profiles SET email = '', first_name = NULL, last_name = NULL, company_name = NULL, company_website = NULL WHERE created_at = 4;
            UPDATE api_keys SET expires_at = 2, revoked_at = 77 WHERE number = 8;
            UPDATE api_keys SET name = 'erased' WHERE number = 9;
            """);
        var run = (await CopyAsync()).IsDone();
        Assert.Contains("Directory, coupon_redemptions: 39 rows in both; 1 brought and 1 removed by this run.", run.Output, StringComparison.Ordinal);
        Assert.Contains("Directory, answers: 31 rows in both; 0 brought and 9 removed by this run.", run.Output, StringComparison.Ordinal);
        Assert.Equal(DirectoryRows.ContentOf(Source), DirectoryRows.ContentOf(Target));
    }

    [Theory]
    [InlineData("INSERT INTO audit SELECT 21, at, key_id, actor, action, target, summary, request_id FROM audit WHERE number = 1", "entry of the audit log 21", "is not in the source")]
    [InlineData("INSERT INTO coupons SELECT 'OWN', amount, expires_at, bonus_days, bonus_expires_at, max_redemptions, redeemed, plans, created_at, deactivated_at FROM coupons LIMIT 1", "coupon OWN", "is not in the source")]
    [InlineData("INSERT INTO payment_documents VALUES ('plan-purchase', 'open', 1, '{}', 5)", "payment document plan-purchase open", "is not in the source")]
    [InlineData("UPDATE payment_documents SET version = 100 WHERE version = 7", "payment document kind", "differs from what the source has")]
    [InlineData("UPDATE payment_documents SET json = 'other' WHERE version = 7", "payment document kind", "differs from what the source has")]
    [InlineData("UPDATE coupon_redemptions SET granted_at = 1000 WHERE taken_at = 7", "coupon slot code", "differs from what the source has")]
    [InlineData("UPDATE api_keys SET number = 1000 WHERE number = 7", "API key number 1000", "is not in the source")]
    [InlineData("UPDATE api_keys SET name = 'other' WHERE number = 7", "API key number 7", "differs from what the source has")]
    [InlineData("UPDATE api_keys SET hash = x'01' WHERE number = 7", "API key number 7", "differs from what the source has")]
    [InlineData("UPDATE sandboxes SET twin = 'other' WHERE created_at = 7", "sandbox of account account", "differs from what the source has")]
    [InlineData("UPDATE plan_versions SET allotment = 1 WHERE version = 7", "version of a plan plan", "differs from what the source has")]
    public async Task A_directory_that_went_on_by_itself_is_refused_and_left_alone(string change, string row, string how)
    {
        await DirectoryRows.FillAsync(Source, 1, 20);
        (await CopyAsync()).IsDone();
        DirectoryRows.Execute(Target, change);
        var before = DirectoryRows.ContentOf(Target);
        var refused = await CopyAsync();
        refused.IsOneSentence(ExitCode.Unsound, $"The {row}");
        Assert.Contains(how, refused.Errors, StringComparison.Ordinal);
        Assert.Equal(before, DirectoryRows.ContentOf(Target));
    }

    [Fact]
    public async Task A_copy_stops_when_it_is_told_and_takes_directories_with_tables_only()
    {
        await DirectoryRows.FillAsync(Source, 1, 20);
        (await CopyAsync()).IsDone();
        DirectoryRows.Execute(Source, "INSERT INTO api_keys SELECT 21, 'new', account, name, x'99', display, scopes, created_at, expires_at, revoked_at FROM api_keys WHERE number = 20");
        await using var source = SqliteDirectoryStore.Open(SqliteMeteringOptions.DirectoryPath(TestData.LedgerOf(Source)));
        await using var target = SqliteDirectoryStore.Open(SqliteMeteringOptions.DirectoryPath(TestData.LedgerOf(Target)));
        using var stop = new CancellationTokenSource();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await new DirectoryMove(source, target, []).RunAsync(_ => { }, stop.Token));
        Assert.Null(await new DirectoryMove(source, target, []).RunAsync(_ => { }));
        Assert.Throws<ArgumentException>(() => new DirectoryMove(new MemoryDirectoryStore(), target, []));
    }

    private Task<ToolRun> CopyAsync() => ToolRun.OfAsync("copy", "--from", Source, "--to", Target);
}

using System.Globalization;
using Xunit;
using Xunit.Abstractions;

namespace Metering.Proof.Tests;

/// <summary>The real server on a disk that fills up, turns read-only or fails while it works.</summary>
public sealed class DiskFaultTests(ITestOutputHelper output) : IAsyncLifetime
{
    /// <summary>EX_IOERR of sysexits.h: the ledger failed for good.</summary>
    private const int LedgerFailedExitCode = 74;

    // As Linux numbers them.
    private const int InputOutputError = 5;
    private const int ReadOnlyFileSystem = 30;
    private const int QuotaExceeded = 122;

    private DataFolder folder = null!;
    private PowerDisk disk = null!;
    private Books books = null!;
    private int made;

    public async Task InitializeAsync()
    {
        folder = await DataFolder.CreateAsync();
        books = new(folder.Keys);
        disk = NativeLibrary.WhyNot is null ? PowerDisk.Under(folder) : null!;
    }

    public Task DisposeAsync()
    {
        disk?.Dispose();
        folder.Dispose();
        return Task.CompletedTask;
    }

    [NativeFact]
    public Task A_full_disk_is_503_with_a_time_to_retry_and_recovers_by_itself() => RefuseAndRecoverAsync(
        "A disk that fills up within a commit", () => disk.Room = 5_000, () => disk.Room = -1);

    [NativeFact]
    public Task A_disk_that_turns_read_only_is_503_with_a_time_to_retry_and_recovers_by_itself() => RefuseAndRecoverAsync(
        "A disk that turns read-only", () => disk.WriteError = ReadOnlyFileSystem, () => disk.WriteError = 0);

    [NativeFact]
    public Task A_used_up_quota_is_503_with_a_time_to_retry_and_recovers_by_itself() => RefuseAndRecoverAsync(
        "A quota that is used up", () => disk.WriteError = QuotaExceeded, () => disk.WriteError = 0);

    [NativeFact]
    public Task An_error_in_the_sync_of_a_commit_stops_the_process_and_the_next_one_recovers() => StopAndRecoverAsync(
        "A sync that fails", () => disk.FailsSyncs = true, () => disk.FailsSyncs = false);

    [NativeFact]
    public Task An_error_in_a_write_of_a_commit_stops_the_process_and_the_next_one_recovers() => StopAndRecoverAsync(
        "A write that fails", () => disk.WriteError = InputOutputError, () => disk.WriteError = 0);

    private async Task RefuseAndRecoverAsync(string what, Action fail, Action mend)
    {
        using var server = await ServerProcess.StartAsync(folder.Path, disk.Variables);
        Assert.False(server.HasExited, server.Errors);
        using var caller = new Caller(server, folder.Keys);
        await AcknowledgeAsync(caller, 5);
        fail();
        var refused = 0;
        for (var attempt = 0; attempt < 20; attempt++)
        {
            var operation = Next();
            var reply = await caller.SendAsync(operation);
            Assert.False(server.HasExited, server.Errors);
            Assert.True(reply.Status == 200 || reply is { Status: 503, RetryAfterSeconds: >= 1 }, $"{reply}");
            refused += reply.Status == 503 ? 1 : 0;


            // Reads go on: what is durable stays known.
            Assert.True(await caller.ReadCreditsAsync(0) > 0);
        }

        Assert.True(refused > 0 && disk.Failures > 0, $"{refused} refused, {disk.Failures} failures");
        mend();
        await books.CompareAsync(caller);
        await books.RetryAsync(caller, new Random(Scale.Seed));
        await AcknowledgeAsync(caller, 5);
        await books.CompareAsync(caller);
        await server.KillAsync();
        disk.Cut(null);
        await ReopenAsync();
        output.WriteLine($"Proof: {what}: {refused} of 20 refused, {disk.Failures} failed calls of the disk; {books}.");
        Assert.Equal((0, 0), (books.Lost, books.Doubled));
    }

    private async Task StopAndRecoverAsync(string what, Action fail, Action mend)
    {
        string sentence;
        using (var server = await ServerProcess.StartAsync(folder.Path, disk.Variables))
        {
            Assert.False(server.HasExited, server.Errors);
            using var caller = new Caller(server, folder.Keys);
            await AcknowledgeAsync(caller, 5);
            fail();
            var reply = await caller.SendAsync(Next());
            Assert.True(reply.Status is null or 503, $"{reply}");
            await server.WaitForExitAsync();
            Assert.Equal(LedgerFailedExitCode, server.ExitCode);
            var said = server.Errors + server.Output;
            Assert.Contains("The process stops now", said, StringComparison.Ordinal);
            Assert.DoesNotContain("   at ", said, StringComparison.Ordinal);
            sentence = said[said.IndexOf("metering.journal.db", StringComparison.Ordinal)..].ReplaceLineEndings(" ");
        }

        mend();
        await ReopenAsync();
        disk.Cut(null);
        await ReopenAsync();
        output.WriteLine($"Proof: {what}: exit {LedgerFailedExitCode}, {disk.Failures} failed calls of the disk; {books}. It said: {sentence}");
        Assert.Equal((0, 0), (books.Lost, books.Doubled));
    }

    private async Task ReopenAsync()
    {
        using var server = await ServerProcess.StartAsync(folder.Path, disk.Variables);
        Assert.False(server.HasExited, server.Errors);
        using var caller = new Caller(server, folder.Keys);
        await books.CompareAsync(caller);
        await books.RetryAsync(caller, new Random(Scale.Seed));
        await server.KillAsync();
    }

    private async Task AcknowledgeAsync(Caller caller, int count)
    {
        for (var index = 0; index < count; index++)
        {
            Assert.Equal(200, (await caller.SendAsync(Next())).Status);
        }
    }

    private Operation Next()
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"op-{++made}");
        var operation = new Operation
        {
            Account = made % DataFolder.Accounts,
            Path = "/v1/credits/deduct",
            Body = $$"""{"amount": 1.25, "reference": "{{name}}"}""",
            Key = name,
            References = [name],
        };
        books.Add([operation]);
        return operation;
    }
}

using Metering.Engine;

namespace Metering.Cli;

/// <summary>
/// Gathers profiles and keys and adds many of them in one commit: the directory syncs its disk once for each. A line counts once its batch
/// is in. Safe for concurrent use.
/// </summary>
internal sealed class DirectoryBatch(IDirectoryStore directory, ImportReport report) : IDisposable
{
    private const int Most = 1_000;

    private readonly SemaphoreSlim gate = new(1);
    private readonly List<AccountProfile> profiles = [];
    private readonly List<(ApiKey Key, KeyLine Line)> keys = [];

    /// <summary>Adds a profile; an account that has one keeps it.</summary>
    public Task AddAsync(AccountProfile profile, CancellationToken cancellationToken) => AddAsync(() => profiles.Add(profile), cancellationToken);

    /// <summary>Adds a key.</summary>
    public Task AddAsync(ApiKey key, KeyLine line, CancellationToken cancellationToken) => AddAsync(() => keys.Add((key, line)), cancellationToken);

    /// <summary>Adds what is left.</summary>
    public async Task FlushAsync(CancellationToken cancellationToken)
    {
        await gate.WaitAsync(cancellationToken);
        try
        {
            await WriteAsync(cancellationToken);
        }
        finally
        {
            gate.Release();
        }
    }

    /// <inheritdoc />
    public void Dispose() => gate.Dispose();

    private async Task AddAsync(Action add, CancellationToken cancellationToken)
    {
        await gate.WaitAsync(cancellationToken);
        try
        {
            add();
            if (profiles.Count + keys.Count >= Most)
            {
                await WriteAsync(cancellationToken);
            }
        }
        finally
        {
            gate.Release();
        }
    }

    private async Task WriteAsync(CancellationToken cancellationToken)
    {
        try
        {
            await directory.ImportAsync(profiles, [.. keys.Select(pair => pair.Key)], cancellationToken);
            report.Import(keys.Count);
        }
        catch (InvalidOperationException)
        {
            // A key's hash is taken, and nothing was written: one by one tells whose.
            await directory.ImportAsync(profiles, [], cancellationToken);
            foreach (var (key, line) in keys)
            {
                await WriteAsync(key, line, cancellationToken);
            }
        }

        profiles.Clear();
        keys.Clear();
    }

    private async Task WriteAsync(ApiKey key, KeyLine line, CancellationToken cancellationToken)
    {
        try
        {
            await directory.ImportAsync([], [key], cancellationToken);
            report.Import();
        }
        catch (InvalidOperationException)
        {
            report.Reject(line, "hash", "hash is that of another key in the directory; every key is one account's.");
        }
    }
}

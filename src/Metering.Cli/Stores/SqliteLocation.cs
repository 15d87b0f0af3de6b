using Metering.Engine;

namespace Metering.Cli;

/// <summary>A ledger in SQLite files.</summary>
/// <param name="Path">The ledger's file, a full path.</param>
internal sealed record SqliteLocation(string Path) : StoreLocation
{
    // What the server names it in its data folder.
    private const string LedgerName = "metering.db";

    /// <inheritdoc />
    public override string Display => Path;

    /// <summary>Reads a path: of a folder, or of a file where one is there or the name ends as one.</summary>
    /// <exception cref="MeteringStartupException">It is not a path.</exception>
    public static SqliteLocation Of(string path)
    {
        if (string.IsNullOrWhiteSpace(path) || path.Contains('\0', StringComparison.Ordinal))
        {
            throw new MeteringStartupException($"'{path}' names no store; allowed: {Allowed}.");
        }

        var full = System.IO.Path.GetFullPath(path);
        var isFile = !Directory.Exists(full) && (File.Exists(full) || full.EndsWith(".db", StringComparison.OrdinalIgnoreCase));
        return new(isFile ? full : System.IO.Path.Combine(full, LedgerName));
    }

    /// <inheritdoc />
    public override bool HasDirectory => File.Exists(SqliteMeteringOptions.DirectoryPath(Path));

    /// <inheritdoc />
    public override void RequireExisting()
    {
        if (!File.Exists(Path))
        {
            throw new MeteringStartupException($"There is no ledger at {Path}; allowed: {Allowed}.");
        }
    }

    /// <inheritdoc />
    public override ValueTask<ILedgerStore> OpenLedgerAsync(CancellationToken cancellationToken) => new(SqliteLedgerStore.Open(Path));

    /// <inheritdoc />
    public override ValueTask<IDirectoryStore> OpenDirectoryAsync(CancellationToken cancellationToken) =>
        new(SqliteDirectoryStore.Open(SqliteMeteringOptions.DirectoryPath(Path)));

    /// <inheritdoc />
    public override async ValueTask<IReadOnlyList<string>> MigrateAsync(bool orleans, CancellationToken cancellationToken)
    {
        if (orleans)
        {
            throw new MeteringStartupException($"--orleans needs a PostgreSQL database, which silos share; {Path} is of one process. Name it: --store \"Host=…;Database=…\".");
        }

        RequireExisting();
        var before = SqliteSchema.Versions(Path).ToDictionary(file => file.Name, file => file.Version);
        await using (await OpenLedgerAsync(cancellationToken))
        {
            // Opening is what brings a file up to date.
        }

        if (HasDirectory)
        {
            await (await OpenDirectoryAsync(cancellationToken)).DisposeAsync();
        }

        // An archive beside the ledger was not opened: it is a store of its own.
        string[] opened = [Path, SqliteLedgerStore.JournalPath(Path), SqliteMeteringOptions.DirectoryPath(Path)];
        var names = opened.Select(file => System.IO.Path.GetFileName(file)).ToHashSet(StringComparer.Ordinal);
        return [.. SqliteSchema.Versions(Path).Where(file => names.Contains(file.Name)).Select(file => Describe(file.Name, before.TryGetValue(file.Name, out var old) ? old : null, file.Version))];
    }

    private static string Describe(string name, long? before, long after) => before switch
    {
        null or 0 => $"{name}: made, schema {after}.",
        _ when before == after => $"{name}: schema {after} is this build's; nothing to do.",
        _ => $"{name}: brought from schema {before} to {after}.",
    };
}

using Metering.Engine;

namespace Metering.Cli;

/// <summary>Where a store is, as people write it on the command line.</summary>
internal abstract record StoreLocation
{
    /// <summary>What is allowed, for sentences.</summary>
    public const string Allowed = "a data folder (metering-data), a ledger's file (metering.db) or a PostgreSQL connection string (\"Host=…;Database=…\")";

    private const string Sqlite = "sqlite:";
    private static readonly string[] PostgreSql = ["postgres:", "postgresql:"];

    /// <summary>The location as it may be printed: without a password.</summary>
    public abstract string Display { get; }

    /// <summary>Reads a location.</summary>
    /// <param name="text">A folder, a file or a connection string, with or without <c>sqlite:</c> or <c>postgres:</c> before it.</param>
    /// <exception cref="MeteringStartupException">It is none of them.</exception>
    public static StoreLocation Parse(string text)
    {
        if (text.StartsWith(Sqlite, StringComparison.OrdinalIgnoreCase))
        {
            return SqliteLocation.Of(text[Sqlite.Length..]);
        }

        foreach (var scheme in PostgreSql)
        {
            if (text.StartsWith(scheme, StringComparison.OrdinalIgnoreCase))
            {
                return PostgreSqlLocation.Of(text[scheme.Length..]);
            }
        }

        return PostgreSqlLocation.LooksLikeOne(text) ? PostgreSqlLocation.Of(text)
            : PostgreSqlLocation.MayHoldPassword(text) ? throw new MeteringStartupException($"The store is a connection string that names no host, and is not repeated here for its password; allowed: {Allowed}.")
            : SqliteLocation.Of(text);
    }

    /// <summary>Makes sure that there is a store, without making or changing one.</summary>
    /// <exception cref="MeteringStartupException">There is none.</exception>
    public abstract void RequireExisting();

    /// <summary>Opens the ledger, making it where it is missing, at this build's schema.</summary>
    /// <exception cref="MeteringStartupException">It cannot be opened; the message says why and what to do.</exception>
    public abstract ValueTask<ILedgerStore> OpenLedgerAsync(CancellationToken cancellationToken);

    /// <summary>Opens a ledger that has to be there.</summary>
    /// <param name="instead">What to do where a running server holds it, a sentence.</param>
    /// <param name="cancellationToken">Cancels the opening.</param>
    /// <exception cref="MeteringStartupException">It is missing, in use, or cannot be opened; the message says why and what to do.</exception>
    public ValueTask<ILedgerStore> OpenExistingLedgerAsync(string instead, CancellationToken cancellationToken)
    {
        RequireExisting();
        return OpenLedgerAsync(instead, cancellationToken);
    }

    /// <summary>Opens a ledger, making it where it is missing.</summary>
    /// <param name="instead">What to do where a running server holds it, a sentence.</param>
    /// <param name="cancellationToken">Cancels the opening.</param>
    /// <exception cref="MeteringStartupException">It is in use or cannot be opened; the message says why and what to do.</exception>
    public async ValueTask<ILedgerStore> OpenLedgerAsync(string instead, CancellationToken cancellationToken)
    {
        try
        {
            return await OpenLedgerAsync(cancellationToken);
        }
        catch (MeteringStartupException error) when (error.IsInUse)
        {
            throw new MeteringStartupException($"{error.Message} {instead}", error);
        }
    }

    /// <summary>True where a directory is kept beside the ledger: a service with the meter inside may know its customers itself.</summary>
    public virtual bool HasDirectory => true;

    /// <summary>Opens the directory of profiles and API keys, making it where it is missing, at this build's schema.</summary>
    /// <exception cref="MeteringStartupException">It cannot be opened; the message says why and what to do.</exception>
    public abstract ValueTask<IDirectoryStore> OpenDirectoryAsync(CancellationToken cancellationToken);

    /// <summary>Brings the store to this build's schema; into an empty database it makes the schema, for a server that may not.</summary>
    /// <param name="orleans">Also the tables of a cluster of silos.</param>
    /// <param name="cancellationToken">Stops between two steps.</param>
    /// <returns>What was done, a line each.</returns>
    /// <exception cref="MeteringStartupException">There is no such file or database, or it cannot be opened; the message says why and what to do.</exception>
    public abstract ValueTask<IReadOnlyList<string>> MigrateAsync(bool orleans, CancellationToken cancellationToken);
}

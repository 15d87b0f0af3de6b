using Metering.Engine;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Cli;

/// <summary>A store with a meter on it, as a server has one: what the tool changes goes the way of every other change.</summary>
internal sealed class OpenStore : IAsyncDisposable
{
    // Beside what a server takes; an import goes through many accounts and comes back to none.
    private const long MemoryBudget = 256L << 20;

    private readonly ILedgerStore ledger;
    private readonly EmbeddedCreditMeter meter;
    private readonly ServiceProvider operators;

    private OpenStore(ILedgerStore ledger, IDirectoryStore directory, Catalogue catalogue, TimeProvider time)
    {
        (this.ledger, Directory, Catalogue) = (ledger, directory, catalogue);
        operators = new ServiceCollection().AddSingleton(directory).AddOperatorStores().BuildServiceProvider();
        Audit = new(operators.GetRequiredService<IAuditLog>(), time);
        meter = new(ledger, new() { Catalogue = catalogue, MemoryBudgetBytes = MemoryBudget }, time, NullLogger<EmbeddedCreditMeter>.Instance);
    }

    /// <summary>The meter.</summary>
    public ICreditMeter Meter => meter;

    /// <summary>Products and plans.</summary>
    public Catalogue Catalogue { get; }

    /// <summary>Profiles and keys.</summary>
    public IDirectoryStore Directory { get; }

    /// <summary>Which accounts are sandboxes.</summary>
    public ISandboxStore Sandboxes => operators.GetRequiredService<ISandboxStore>();

    /// <summary>Where changes are written down.</summary>
    public ToolAudit Audit { get; }

    /// <summary>Opens a store.</summary>
    /// <param name="location">Where it is.</param>
    /// <param name="catalogue">Products and plans.</param>
    /// <param name="instead">What to do where a running server holds it, a sentence.</param>
    /// <param name="mayMake">True to make it where it is missing.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Cancels the opening.</param>
    /// <exception cref="MeteringStartupException">It cannot be opened; the message says why and what to do.</exception>
    public static async Task<OpenStore> AtAsync(StoreLocation location, Catalogue catalogue, string instead, bool mayMake, TimeProvider time, CancellationToken cancellationToken)
    {
        var ledger = mayMake ? await location.OpenLedgerAsync(instead, cancellationToken) : await location.OpenExistingLedgerAsync(instead, cancellationToken);
        try
        {
            return new(ledger, await location.OpenDirectoryAsync(cancellationToken), catalogue, time);
        }
        catch
        {
            await ledger.DisposeAsync();
            throw;
        }
    }

    /// <summary>An empty store in memory, for trying out.</summary>
    public static OpenStore InMemory(Catalogue catalogue, TimeProvider time) => new(new MemoryLedgerStore(), new MemoryDirectoryStore(), catalogue, time);

    /// <summary>Waits for what is under way, and closes everything.</summary>
    public async ValueTask DisposeAsync()
    {
        await meter.DisposeAsync();
        await operators.DisposeAsync();
        await Directory.DisposeAsync();
        await ledger.DisposeAsync();
    }
}

using Microsoft.Extensions.DependencyInjection;

namespace Metering.Engine;

/// <summary>How the embedded meter runs. Validated when the meter starts.</summary>
public sealed class CreditMeteringOptions
{
    /// <summary>The most of <see cref="GraceDays"/>.</summary>
    public const int MaxGraceDays = 60;

    /// <summary>Products and plans.</summary>
    public Catalogue Catalogue { get; set; } = Catalogue.Default;

    /// <summary>
    /// Decisions that may wait for the ledger at once, 1 to 1,000,000; default 65,536. A smaller queue refuses earlier under load (503),
    /// a larger one lets callers wait longer and takes more memory: about 1 KB a deduction, more for a batch or a call for many records.
    /// </summary>
    public int QueueCapacity { get; set; } = 65_536;

    /// <summary>
    /// Entries after which a commit takes no further decision, 1 to 100,000; default 8,192. Smaller commits are slower in sum; larger ones
    /// delay the first answer.
    /// </summary>
    public int MaxBatch { get; set; } = 8_192;

    /// <summary>
    /// Bytes that accounts in memory may take, 1 MiB or more; default 1 GiB, or half of what the process may have (a container's limit) where
    /// that is less. Accounts beyond it leave memory, idle ones first, and are
    /// loaded again when they are called. Less memory means more loading; more has no cost but memory.
    /// </summary>
    public long MemoryBudgetBytes { get; set; } = MemoryBudgetOf(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);

    /// <summary>
    /// Entries after which a busy account's state is stored, 100 to 1,000,000; default 10,000. It bounds what a start has to replay;
    /// smaller means quicker activation and more writing.
    /// </summary>
    public int SnapshotInterval { get; set; } = 10_000;

    /// <summary>
    /// Days, 0 to <see cref="MaxGraceDays"/>, for which an account whose period was not paid goes on spending what it holds; default 7, within which most
    /// failed payments are made good. Nothing is granted for that period; cancelled, suspended and closed accounts have no grace. 0 refuses spending
    /// (402) from the first unpaid instant; more lets an account that never pays spend its bonus and permanent credits for longer. It is no fact of
    /// the ledger: a change takes effect with the next start. The process that decides counts, so processes that share a ledger should agree.
    /// </summary>
    public int GraceDays { get; set; } = 7;

    /// <summary>How what falls due is entered on accounts that nobody calls.</summary>
    public DueQueueOptions Due { get; set; } = new();

    /// <summary>Makes the ledger store; set by <c>UseSqlite</c> and its like.</summary>
    public Func<IServiceProvider, ILedgerStore>? LedgerStoreFactory { get; set; }

    /// <summary>Makes the directory store; set by <c>UseSqlite</c> and its like.</summary>
    public Func<IServiceProvider, IDirectoryStore>? DirectoryStoreFactory { get; set; }

    /// <summary>
    /// Where the engine runs its own work; default the thread pool. A seeded simulation passes a one-threaded scheduler and so owns
    /// every step: the engine awaits nothing outside its caller's scheduler.
    /// </summary>
    public TaskScheduler Scheduler { get; set; } = TaskScheduler.Default;

    /// <summary>
    /// Makes 64 random bits: for the tags of transactions (see <see cref="TransactionId"/>) where no idempotency key gives one, and for the
    /// jitter of retries; a simulation passes a seeded one.
    /// </summary>
    public Func<ulong> NextTag { get; set; } = () => (ulong)Random.Shared.NextInt64(long.MinValue, long.MaxValue);

    /// <summary>The default of <see cref="MemoryBudgetBytes"/> in a process that may have so many bytes; the rest is for calls and their answers.</summary>
    internal static long MemoryBudgetOf(long available) => Math.Clamp(available / 2, 1L << 20, 1L << 30);

    /// <summary>The grace period.</summary>
    internal TimeSpan Grace => TimeSpan.FromDays(GraceDays);

    /// <summary>Adds another meter than the embedded one; set by <c>UseOrleans</c> and its like.</summary>
    internal Action<IServiceCollection>? AddMeter { get; set; }

    /// <summary>False where the meter's accounts and their store are another process's.</summary>
    internal bool NeedsStore { get; set; } = true;

    /// <summary>Checks every setting.</summary>
    /// <exception cref="MeteringStartupException">A setting is out of range; the message names it, its value and what is allowed.</exception>
    public void Validate()
    {
        Check(nameof(QueueCapacity), QueueCapacity, 1, 1_000_000);
        Check(nameof(MaxBatch), MaxBatch, 1, 100_000);
        Check(nameof(MemoryBudgetBytes), MemoryBudgetBytes, 1L << 20, long.MaxValue);
        Check(nameof(SnapshotInterval), SnapshotInterval, 100, 1_000_000);
        Check(nameof(GraceDays), GraceDays, 0, MaxGraceDays);
        Due.Validate();
        CatalogueRules.Check(Catalogue);
        if (NeedsStore && (LedgerStoreFactory is null || DirectoryStoreFactory is null))
        {
            throw new MeteringStartupException("No store is set: call UseSqlite(path), UsePostgreSql(connectionString) or UseMemory() in AddCreditMetering.");
        }
    }

    internal static void Check(string setting, long value, long min, long max)
    {
        if (value < min || value > max)
        {
            throw new MeteringStartupException($"{setting} is {value}; {min} to {max} are allowed.");
        }
    }
}

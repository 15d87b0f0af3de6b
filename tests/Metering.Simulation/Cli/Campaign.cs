namespace Metering.Simulation;

/// <summary>Many seeds on all cores; each seed on one thread.</summary>
internal sealed class Campaign(StoreBug bug)
{
    private readonly Lock gate = new();

    private readonly SortedDictionary<StorageKind, int> storages = [];

    public int Seeds { get; private set; }

    /// <summary>How many seeds ran on which storage, for people.</summary>
    public string Storages => string.Join(", ", storages.Select(count => $"{count.Key} {count.Value}"));

    public long Steps { get; private set; }

    public long Calls { get; private set; }

    public long Entries { get; private set; }

    /// <summary>Runs seeds until one fails.</summary>
    /// <param name="from">The first seed.</param>
    /// <param name="count">How many.</param>
    /// <param name="progress">Told how many are done.</param>
    /// <returns>The lowest failing seed that was seen, and what failed; null for none.</returns>
    public (int Seed, string Violation)? Run(int from, int count, Action<int>? progress = null)
    {
        (int Seed, string Violation)? failure = null;
        Parallel.For(from, from + count, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, (seed, loop) =>
        {
            var plan = PlanGenerator.Generate(seed);
            var (run, violation) = Simulation.Execute(plan, bug);
            lock (gate)
            {
                Seeds++;
                storages[plan.Storage] = storages.GetValueOrDefault(plan.Storage) + 1;
                Steps += run.Steps;
                Calls += run.Calls.Count;
                Entries += run.Ledger.Accounts.Sum(account => run.Rows(account).Count);
                progress?.Invoke(Seeds);
                if (violation is not null)
                {
                    failure = failure is null || seed < failure.Value.Seed ? (seed, violation) : failure;
                    loop.Break();
                }
            }
        });
        return failure;
    }
}

using Metering.Engine;

namespace Metering.Simulation;

/// <summary>All that a seed decides before the world begins; the order of steps is the world's own.</summary>
internal sealed record SimulationPlan
{
    public required int Seed { get; init; }

    public required StorageKind Storage { get; init; }

    /// <summary>How the journalled store runs, where it is the storage.</summary>
    public required JournalSettings Journal { get; init; }

    /// <summary>Processes at once.</summary>
    public required int Processes { get; init; }

    /// <summary>Meters in each process: two are duplicate activations of every account.</summary>
    public required int MetersPerProcess { get; init; }

    /// <summary>When each process's clock starts.</summary>
    public required IReadOnlyList<DateTimeOffset> ClockStarts { get; init; }

    public required FaultProfile Faults { get; init; }

    public required int QueueCapacity { get; init; }

    public required int MaxBatch { get; init; }

    public required int SnapshotInterval { get; init; }

    public required long MemoryBudgetBytes { get; init; }

    /// <summary>Days for which an account whose period was not paid goes on spending.</summary>
    public required int GraceDays { get; init; }

    public required IReadOnlyList<PlanItem> Items { get; init; }

    /// <summary>The storage, for people.</summary>
    public string StorageText => Storage == StorageKind.Journal ? $"journal and pages ({Journal})" : Storage == StorageKind.Rows ? "rows" : "a shared database";

    public void Configure(CreditMeteringOptions options)
    {
        options.Catalogue = SimulationCatalogue.Value;
        options.QueueCapacity = QueueCapacity;
        options.MaxBatch = MaxBatch;
        options.SnapshotInterval = SnapshotInterval;
        options.MemoryBudgetBytes = MemoryBudgetBytes;
        options.GraceDays = GraceDays;
    }
}

/// <summary>The default catalogue, and plans and a product for what it has none of.</summary>
internal static class SimulationCatalogue
{
    public static Catalogue Value { get; } = new(
        Catalogue.Default.Products.Values.Append(new() { Id = "premium", PerUnit = Credits.Of(1.5m), Level = AccessLevel.Platform }),
        [
            .. Catalogue.Default.Plans.Values,
            new() { Id = "empty", Name = "Empty", Level = AccessLevel.Platform },
            new() { Id = "trial", Name = "Trial", MonthlyCredits = Credits.Of(30), Level = AccessLevel.Trial },
            new() { Id = "yearly", Name = "Yearly", MonthlyCredits = Credits.Of(200), PeriodMonths = 12, Level = AccessLevel.Platform },
        ]);
}

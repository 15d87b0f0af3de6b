namespace Metering.Simulation;

/// <summary>Makes a plan from a seed: always the same from the same.</summary>
internal sealed partial class PlanGenerator
{
    private const int Operations = 260;

    private static readonly string[] Plans = ["starter", "starter", "starter", "trial", "yearly", "empty", "platinum", "growth"];
    private static readonly string[] Priced = ["lead.query", "lead.search", "email.validation", "mobile", "premium", "lead.export"];
    private static readonly string[] Covered = ["company.signals", "company.news"];

    private readonly Random random;
    private readonly List<PlanItem> items = [];
    private readonly List<Operation> spent = [];
    private readonly List<string> keys = [];
    private readonly AccountId[] accounts;
    private readonly DateTimeOffset[] anchors;
    private readonly DateTimeOffset[] clocks;
    private int at;

    private PlanGenerator(int seed)
    {
        (random, grants) = (new(seed ^ 0x5EED_0001), new(seed ^ 0x5EED_0005));
        accounts = [.. Enumerable.Range(0, random.Next(1, 4)).Select(index => new AccountId($"acct-{index}"))];
        var start = new DateTimeOffset(random.Next(2024, 2029), random.Next(1, 13), random.Next(1, 28), random.Next(24), random.Next(60), 0, TimeSpan.Zero);
        anchors = [.. accounts.Select(_ => AnchorBefore(start))];
        var isSkewed = random.Next(2) == 0;
        clocks = [.. Enumerable.Range(0, random.Next(3) == 0 ? 2 : 1).Select(_ => start.AddMilliseconds(isSkewed ? random.Next(-90_000, 90_000) : 0))];
    }

    public static SimulationPlan Generate(int seed)
    {
        var generator = new PlanGenerator(seed);
        var starts = generator.clocks.ToArray();
        var random = generator.random;
        var perProcess = starts.Length == 1 && random.Next(4) == 0 ? 2 : 1;
        var faults = generator.Faults();
        generator.Fill();

        // Numbers of its own, so that what is called does not depend on what it is kept in.
        var places = new Random(seed ^ 0x5EED_0002);
        var storage = Storage(places, starts.Length);
        if (storage == StorageKind.Journal)
        {
            generator.CrashMore(places);
        }
        else
        {
            generator.ArchiveMore(new(seed ^ 0x5EED_0003));
        }

        generator.CommandsMore(new(seed ^ 0x5EED_0004), starts[0]);
        var graceDays = generator.RenewMore(new(seed ^ 0x5EED_0005), starts[0]);
        return new()
        {
            Seed = seed,
            Storage = storage,
            Journal = Journal(places),
            Processes = starts.Length,
            MetersPerProcess = perProcess,
            ClockStarts = starts,
            Faults = storage switch
            {
                StorageKind.Journal => JournalFaults(places, faults),
                StorageKind.Rows => faults with { IsImmediate = seed % 3 == 0 },
                _ => faults,
            },
            QueueCapacity = random.Next(4) == 0 ? random.Next(1, 5) : 1_000,
            MaxBatch = random.Next(3) == 0 ? random.Next(1, 4) : 1_000,
            SnapshotInterval = random.Next(2) == 0 ? 1 : 100,
            MemoryBudgetBytes = random.Next(3) == 0 ? random.Next(1, 6_000) : 1 << 30,
            GraceDays = graceDays,
            Items = generator.items,
        };
    }

    /// <summary>One process owns a journal; several share a database, or what is like it.</summary>
    private static StorageKind Storage(Random places, int processes) => places.Next(100) switch
    {
        < 20 => StorageKind.Rows,
        < 90 when processes == 1 => StorageKind.Journal,
        _ => StorageKind.Database,
    };

    private static JournalSettings Journal(Random places) => new()
    {
        StepBytes = places.Next(3) switch { 0 => places.Next(200, 1_000), 1 => 10_000, _ => 1 << 20 },
        MaxBacklogBytes = places.Next(3) == 0 ? places.Next(1_500, 10_000) : 1 << 20,
        MaxBacklogEntries = places.Next(4) == 0 ? places.Next(20, 60) : 100_000,
        CachedAccounts = places.Next(2) == 0 ? 1 : 100,
        Linger = places.Next(4) switch { 0 => 3, 1 => 60, 2 => 600, _ => 20_000 },
        Races = places.Next(4) switch { 0 => 0, 1 => 20, 2 => 100, _ => 300 },
    };

    /// <summary>What a start makes of a journal is worth more starts.</summary>
    private void CrashMore(Random places)
    {
        for (var count = places.Next(5); count > 0; count--)
        {
            items.Add(new CrashItem(places.Next(at), 0, places.Next(1, 100)));
        }
    }

    /// <summary>
    /// Archivers that take all they may, again and again, and clients whose answers got lost on the way: they ask again
    /// long after, and what they ask for must not be in the archive yet.
    /// </summary>
    private void ArchiveMore(Random places)
    {
        if (places.Next(3) != 0)
        {
            return;
        }

        var calls = items.OfType<CallItem>().Where(call => call.Operation is DeductOperation or BatchOperation or AccessOperation or GrantOperation && call.Operation.Key is not null).ToList();
        for (var (end, time) = (at, places.Next(60, 200)); time < end; time += places.Next(10, 150))
        {
            items.Add(new ArchiveItem(time, places.Next(clocks.Length), 1, 60, 3));
            var earlier = calls.TakeWhile(call => call.At < time).ToList();
            if (earlier.Count > 0)
            {
                items.Add(earlier[^places.Next(1, Math.Min(earlier.Count, 20) + 1)] with { At = time + places.Next(100) });
            }
        }
    }

    private static FaultProfile JournalFaults(Random places, FaultProfile faults)
    {
        int Rate(int most) => places.Next(3) == 0 ? places.Next(most + 1) : 0;
        return faults with
        {
            PagesUnavailable = Rate(400),
            PagesFatal = Rate(60),
            DeleteUnavailable = Rate(500),
            DeletionsLost = places.Next(2) * 700,
            JournalMissing = places.Next(3) == 0 ? 0 : 500,
        };
    }

    private DateTimeOffset AnchorBefore(DateTimeOffset start)
    {
        var day = start.AddDays(-random.Next(1, 800));
        return random.Next(2) == 0 ? day : new(day.Year - 1, random.Next(2) == 0 ? 1 : 12, random.Next(29, 32), random.Next(24), random.Next(60), 0, TimeSpan.Zero);
    }

    private FaultProfile Faults()
    {
        int Rate(int most) => random.Next(3) == 0 ? random.Next(most + 1) : 0;
        return random.Next(6) == 0 ? new() : new()
        {
            AppendUnavailable = Rate(200),
            AppendUnknownDone = Rate(200),
            AppendUnknownNotDone = Rate(200),
            AppendFatal = Rate(15),
            AppendTooLarge = Rate(300),
            ReadUnavailable = Rate(150),
            SnapshotUnavailable = Rate(500),
            MaxAppendDelay = random.Next(2) == 0 ? 5 : 60,
            MaxReadDelay = random.Next(2) == 0 ? 2 : 40,
            LandsAfterCrash = random.Next(1_001),
        };
    }

    private void Fill()
    {
        foreach (var (account, anchor) in accounts.Zip(anchors))
        {
            Call(Open(account, anchor));
        }

        at += 50;
        while (items.Count < Operations)
        {
            at += random.Next(3) == 0 ? random.Next(60) : random.Next(4);
            switch (random.Next(100))
            {
                case 0 when random.Next(2) == 0:
                    items.Add(new CrashItem(at, random.Next(clocks.Length), random.Next(1, 100)));
                    break;
                case 1:
                    // Readers come while a meter drains, too.
                    items.Add(new RestartItem(at, random.Next(clocks.Length)));
                    at += random.Next(10);
                    Call(new BalanceOperation { Index = items.Count, Account = accounts[0], MeterChoice = random.Next(4) });
                    Call(new BalanceOperation { Index = items.Count, Account = accounts[^1], MeterChoice = random.Next(4) });
                    break;
                case 2 or 3 or 4:
                    Jump();
                    break;
                case 5 or 6:
                    items.Add(new ArchiveItem(at, random.Next(clocks.Length), random.Next(3) == 0 ? 1 : random.Next(1, 20), random.Next(1, 60), random.Next(1, 4)));
                    break;
                default:
                    Call(Next());
                    break;
            }
        }
    }

    private void Call(Operation operation)
    {
        items.Add(new CallItem(at, operation));
        if (operation is DeductOperation or AccessOperation or GrantOperation)
        {
            spent.Add(operation);
        }

        if (operation.Key is { } key)
        {
            keys.Add(key);
        }
    }

    private void Jump()
    {
        var process = random.Next(3) == 0 ? random.Next(clocks.Length) : -1;
        var now = clocks[Math.Max(0, process)];
        var anchor = anchors[random.Next(anchors.Length)];
        var by = random.Next(12) switch
        {
            0 => TimeSpan.FromMilliseconds(random.Next(2_000)),
            1 => TimeSpan.FromHours(random.Next(1, 23)),
            2 or 3 => TimeSpan.FromHours(random.Next(24, 30)),
            4 => -TimeSpan.FromMinutes(random.Next(1, 200)),
            5 => -TimeSpan.FromDays(random.Next(1, 5)),
            6 => TimeSpan.FromDays(random.Next(20, 100)),
            7 when random.Next(3) == 0 => TimeSpan.FromDays(random.Next(300, 800)),
            7 => TimeSpan.FromDays(random.Next(1, 10)),
            8 => now.Date.AddDays(1) - now.DateTime + TimeSpan.FromMilliseconds(random.Next(-at - 20, 20)),
            _ => NextAnniversary(anchor, now) - now + TimeSpan.FromMilliseconds(random.Next(-at - 20, 20)),
        };
        items.Add(new JumpItem(at, process, by));
        for (var index = 0; index < clocks.Length; index++)
        {
            clocks[index] += process == -1 || process == index ? by : TimeSpan.Zero;
        }
    }

    private static DateTimeOffset NextAnniversary(DateTimeOffset anchor, DateTimeOffset now)
    {
        var months = 0;
        while (anchor.AddMonths(months) <= now)
        {
            months++;
        }

        return anchor.AddMonths(months);
    }

    private Operation Next()
    {
        var account = accounts[random.Next(4) == 0 ? random.Next(accounts.Length) : 0];
        return random.Next(100) switch
        {
            < 30 => Deduct(account),
            < 38 => Batch(account),
            < 58 => Access(account),
            < 68 => Grant(account),
            < 72 => Adjust(account),
            < 80 => Refund(account),
            < 83 => Payment(account),
            < 90 => new BalanceOperation { Index = items.Count, Account = account, MeterChoice = random.Next(4) },
            < 92 => new RefreshOperation { Index = items.Count, Account = account, MeterChoice = random.Next(4) },
            < 95 => List(account),
            < 99 => Status(account),
            _ => Open(account, anchors[0]),
        };
    }

    private string? Key() => random.Next(10) switch
    {
        < 6 => $"key-{items.Count}",
        6 or 7 when keys.Count > 0 => keys[random.Next(keys.Count)],
        _ => null,
    };

    private int Retries() => random.Next(4) == 0 ? 0 : random.Next(1, 4);

    private int? CancelAfter() => random.Next(25) == 0 ? random.Next(30) : null;

    private Credits Amount(int most) => random.Next(2) == 0 ? Credits.Of(random.Next(1, most)) : new(random.Next(1, most * 10_000));

    private DeductRequest DeductRequest(string description)
    {
        var isPriced = random.Next(3) == 0;
        return new()
        {
            Amount = isPriced ? null : random.Next(40) == 0 ? new(-1) : Amount(random.Next(5) == 0 ? 120 : 12),
            Product = isPriced ? random.Next(30) == 0 ? "unknown" : Priced[random.Next(Priced.Length)] : random.Next(2) == 0 ? "custom" : null,
            Quantity = random.Next(2) == 0 ? null : random.Next(0, 40),
            Description = description,
            Reference = random.Next(2) == 0 ? null : $"order {random.Next(5)}",
        };
    }

    private DeductOperation Deduct(AccountId account)
    {
        var index = items.Count;
        return new(DeductRequest($"op-{index}") with { IdempotencyKey = Key() })
        {
            Index = index, Account = account, Retries = Retries(), MeterChoice = random.Next(4), CancelAfter = CancelAfter(),
        };
    }

    private BatchOperation Batch(AccountId account)
    {
        var index = items.Count;
        return new(new()
        {
            Items = [.. Enumerable.Range(0, random.Next(1, 6)).Select(item => DeductRequest($"op-{index}/{item}"))],
            IdempotencyKey = random.Next(3) == 0 ? null : $"key-{index}",
        })
        {
            Index = index, Account = account, Retries = Retries(), MeterChoice = random.Next(4), CancelAfter = CancelAfter(),
        };
    }

    private AccessOperation Access(AccountId account)
    {
        var index = items.Count;
        return new(new()
        {
            Records = [.. Enumerable.Range(0, random.Next(1, 6)).Select(_ => Record())],
            Mode = random.Next(2) == 0 ? AccessMode.AllOrNothing : AccessMode.UpTo,
            MaxCredits = random.Next(3) switch { 0 => Credits.Of(random.Next(0, 4)), _ => null },
            Description = $"op-{index}",
            IdempotencyKey = random.Next(2) == 0 ? null : $"key-{index}",
        })
        {
            Index = index, Account = account, Retries = Retries(), MeterChoice = random.Next(4), CancelAfter = CancelAfter(),
        };
    }

    private RecordRequest Record()
    {
        var type = random.Next(3) == 0 ? "contact" : "company";
        var product = type == "company" && random.Next(3) == 0 ? Covered[random.Next(Covered.Length)] : null;
        return new(random.Next(60) == 0 ? "mobile" : type, $"{random.Next(12)}", product);
    }

    private GrantOperation Grant(AccountId account)
    {
        var index = items.Count;
        var now = clocks[random.Next(clocks.Length)].AddMilliseconds(at);
        return new(new()
        {
            Source = (GrantSource)random.Next(4),
            Amount = Amount(60),
            ExpiresAt = random.Next(4) switch
            {
                0 => now.AddMilliseconds(random.Next(-200, 3_000)),
                1 => now.AddHours(random.Next(1, 2_000)),
                _ => null,
            },
            Description = $"op-{index}",
            ExternalReference = random.Next(2) == 0 ? $"event {random.Next(12)}" : null,
            IdempotencyKey = Key(),
        })
        {
            Index = index, Account = account, Retries = Retries(), MeterChoice = random.Next(4), CancelAfter = CancelAfter(),
        };
    }

    private AdjustOperation Adjust(AccountId account)
    {
        var index = items.Count;
        return new(new() { Amount = random.Next(2) == 0 ? Amount(20) : -Amount(40), Reason = $"op-{index}", IdempotencyKey = Key() })
        {
            Index = index, Account = account, Retries = Retries(), MeterChoice = random.Next(4), CancelAfter = CancelAfter(),
        };
    }

    private RefundOperation Refund(AccountId account)
    {
        var index = items.Count;
        var candidates = spent.Where(operation => operation.Account == account).ToArray();
        var of = candidates.Length == 0 || random.Next(20) == 0 ? null : candidates[^random.Next(1, Math.Min(candidates.Length, random.Next(12) switch { < 8 => 2, < 11 => 12, _ => 200 }) + 1)];

        // Half of them at another meter than the charge, which has not seen it.
        var meter = random.Next(2) == 0 ? random.Next(4) : (of?.MeterChoice ?? 0) + 1;
        return new(of?.Index ?? -1, new() { TransactionId = new(9_999, 1), Amount = random.Next(2) == 0 ? null : Amount(4), Description = $"op-{index}", IdempotencyKey = Key() })
        {
            Index = index, Account = account, Retries = Retries(), MeterChoice = meter, CancelAfter = CancelAfter(),
        };
    }

    private PaymentOperation Payment(AccountId account)
    {
        var index = items.Count;
        return new(new()
        {
            // Milliseconds tell one payment from another in the ledger, which keeps only a hash of the reference.
            PaidThrough = clocks[0].AddDays(random.Next(-20, 70)).AddMilliseconds(index),
            ExternalReference = random.Next(3) == 0 ? $"event {random.Next(12)}" : $"invoice {index}",
        })
        {
            Index = index, Account = account, MeterChoice = random.Next(4), CancelAfter = CancelAfter(),
        };
    }

    private OpenOperation Open(AccountId account, DateTimeOffset anchor)
    {
        var index = items.Count;
        return new(new()
        {
            Plan = Plans[random.Next(Plans.Length)],
            Anchor = anchor.AddMilliseconds(index),
            PaidThrough = random.Next(2) == 0 ? null : clocks[0].AddDays(random.Next(-40, 90)),
        })
        {
            Index = index, Account = account, Retries = Retries(), MeterChoice = random.Next(4),
        };
    }

    private ListOperation List(AccountId account) => new(new()
    {
        Limit = random.Next(1, 20),
        Offset = random.Next(2) == 0 ? 0 : random.Next(0, 40),
        Before = random.Next(2) == 0 ? null : random.Next(1, 60),
    })
    {
        Index = items.Count, Account = account, MeterChoice = random.Next(4),
    };

    private Operation Status(AccountId account)
    {
        var candidates = spent.Where(operation => operation.Account == account).ToArray();
        return candidates.Length == 0
            ? new BalanceOperation { Index = items.Count, Account = account }
            : new StatusOperation(candidates[^random.Next(1, Math.Min(candidates.Length, random.Next(4) == 0 ? 200 : 8) + 1)].Index) { Index = items.Count, Account = account, MeterChoice = random.Next(4) };
    }
}

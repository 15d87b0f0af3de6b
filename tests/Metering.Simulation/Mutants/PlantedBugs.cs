namespace Metering.Simulation;

/// <summary>The bugs that are planted in copies of the sources, to show that the simulation would find them.</summary>
internal static class PlantedBugs
{
    private const string Core = "src/Metering.Core/";
    private const string Accounts = "src/Metering.Engine/Accounts/";
    private const string Archive = "src/Metering.Engine/Archive/";
    private const string Due = "src/Metering.Engine/Due/";
    private const string Journal = "src/Metering.Engine/Journal/";

    /// <summary>
    /// No bug, but figures so small that a short history reaches what takes others years: keys that memory no longer holds, snapshots of
    /// short ledgers, activations of many pages. The simulation must find nothing.
    /// </summary>
    public static PlantedBug SmallFigures { get; } = new("small-figures", "key budget, pages and snapshot intervals of a few",
        new SourceEdit(Core + "KeyWindow.cs", "public const int Budget = 65_536;", """public static int Budget => Mutant.Is("small-figures") ? 16 : 65_536;"""),
        new SourceEdit(Core + "KeyWindow.cs", "private const int SegmentBudget = Budget / 8;", "private static int SegmentBudget => Budget / 8;"),
        new SourceEdit(Core + "KeyWindow.cs", "public const long FilterBudget = Budget * 320L;", """public static long FilterBudget => Mutant.Is("small-figures") ? Budget * 2L : Budget * 320L;"""),
        new SourceEdit(Accounts + "ActivationLoader.cs", "private const int PageRows = 1_024;", """private static int PageRows => Mutant.Is("small-figures") ? 7 : 1_024;"""),
        new SourceEdit(Accounts + "AccountActivation.cs", "private const int MeasureInterval = 64;", """private static int MeasureInterval => Mutant.Is("small-figures") ? 8 : 64;"""),
        new SourceEdit(Accounts + "ActivationTable.cs", "private const int MinEntriesForSnapshot = 64;", """private static int MinEntriesForSnapshot => Mutant.Is("small-figures") ? 4 : 64;"""));

    public static IReadOnlyList<PlantedBug> All { get; } =
    [
        new("skip-compare", "the store appends without comparing heads") { Store = StoreBug.SkipCompare },
        new("later-sequences", "the store lets later sequences of a stale writer in") { Store = StoreBug.LetLaterSequencesIn },
        new("answer-early", "a charge is answered before it is durable",
            new SourceEdit(Accounts + "CallRunner.cs", "if (attempt.SeenThrough.IsDurable", """if ((Mutant.Is("answer-early") && attempt.UsedSlot) || attempt.SeenThrough.IsDurable""")),
        new("refuse-early", "a refusal or a free access is answered before what it saw is durable",
            new SourceEdit(Accounts + "CallRunner.cs", "attempt.SeenThrough.IsDurable)", """attempt.SeenThrough.IsDurable || (Mutant.Is("refuse-early") && !attempt.UsedSlot && attempt.Decision.Core.ReplayOf == 0))""")),
        new("stale-answer", "an answer without entries, or a balance, is told from a state that another process went on from more than a second ago",
            new SourceEdit(Accounts + "Freshness.cs", "=> !store.IsShared ||", """=> !store.IsShared || Mutant.Is("stale-answer") ||""")),
        new("refund-twice", "one charge is refunded twice under two keys",
            new SourceEdit(Core + "Account.Credits.cs", "var before = state.Refunds.GetValueOrDefault(original.TransactionNumber);", """var before = Mutant.Is("refund-twice") ? Credits.Zero : state.Refunds.GetValueOrDefault(original.TransactionNumber);""")),
        new("lose-last", "the last entry of a batch is lost",
            new SourceEdit(Accounts + "CommitBuilder.cs", "index < decision.Entries.Count;", """index < decision.Entries.Count - (Mutant.Is("lose-last") && decision.Entries.Count > 2 ? 1 : 0);""")),
        new("split-decision", "the entries of one decision are spread over two commits",
            new SourceEdit(Accounts + "AccountActivation.cs", "Queue(work.Entries);", """
                if (Mutant.Is("split-decision"))
                {
                    for (var index = 0; index < work.Entries.Count; index++)
                    {
                        _ = index == 0 || commit.TryTakeSlot();
                        var one = default(Entries);
                        one.Add(work.Entries[index]);
                        Queue(one);
                    }
                }
                else
                {
                    Queue(work.Entries);
                }
                """)),
        new("burn-permanent", "permanent credits are burned before monthly ones",
            new SourceEdit(Core + "Grants.cs", "return left.Bucket < right.Bucket;", """return Mutant.Is("burn-permanent") && left.Bucket != Bucket.Bonus && right.Bucket != Bucket.Bonus ? left.Bucket > right.Bucket : left.Bucket < right.Bucket;""")),
        new("forget-key", "idempotency keys are forgotten in a restart from a snapshot",
            new SourceEdit(Core + "SnapshotCodec.cs", "keys.Restore(new(oldest, newest, lastSequence, uses.Length), uses);", """
                if (!Mutant.Is("forget-key"))
                {
                    keys.Restore(new(oldest, newest, lastSequence, uses.Length), uses);
                }
                """)) { NeedsSmallFigures = true },
        new("filter-forgets", "a key that a filter has taken over is not known by it",
            new SourceEdit(Core + "KeyTable.cs", "into?.Add(id);", """
                if (!Mutant.Is("filter-forgets"))
                {
                    into?.Add(id);
                }
                """)) { NeedsSmallFigures = true },
        new("charge-record-twice", "two calls for one record at the same instant both pay",
            new SourceEdit(Core + "Account.Spending.cs", "out var active) && active.IsActiveOn(today))", """out var active) && active.IsActiveOn(today) && !(Mutant.Is("charge-record-twice") && state.LastAppliedAt == now))""")),
        new("snapshot-future", "a snapshot is stored before its state lasts, and trusted",
            new SourceEdit(Accounts + "GroupCommit.cs", "await store.AppendAsync(builder.Build(live));", """
                var groups = builder.Build(live);
                if (Mutant.Is("snapshot-future") && live[^1].Snapshot is { } early)
                {
                    await SaveAsync(live[^1].Activation.Account, new(live[^1].Activation.Group!.Next, SnapshotCodec.Version, early.Written));
                }

                await store.AppendAsync(groups);
                """),
            new SourceEdit(Accounts + "ActivationLoader.cs", "rows[0].Link == snapshot.Head.Link", """(Mutant.Is("snapshot-future") || rows[0].Link == snapshot.Head.Link)""")) { NeedsSmallFigures = true },
        new("february", "the reset of an anchor after the 28th comes a day late in February",
            new SourceEdit(Core + "BillingPeriods.cs", "=> anchor.AddMonths(checked(period * periodMonths));", """
                => Mutant.Is("february") && anchor.Day > 28 && anchor.AddMonths(checked(period * periodMonths)).Month == 2
                    ? anchor.AddMonths(checked(period * periodMonths)).AddDays(1)
                    : anchor.AddMonths(checked(period * periodMonths));
                """)),
        new("grant-unpaid", "a month that is not paid is granted",
            new SourceEdit(Core + "Account.cs", "(state.PaidThrough is not { } paidThrough || paidThrough > state.PeriodStart);", """(Mutant.Is("grant-unpaid") || state.PaidThrough is not { } paidThrough || paidThrough > state.PeriodStart);""")),
        new("reference-again", "an external reference is let in again after 25 quiet hours",
            new SourceEdit(Core + "Account.Evolve.cs", "var balanceBefore = state.Available;", """
                var balanceBefore = state.Available;
                if (Mutant.Is("reference-again") && state.IsOpen && entry.AppliedAt - state.LastAppliedAt >= TimeSpan.FromHours(25))
                {
                    state.ExternalReferences.Clear();
                }
                """)),
        new("caller-forgotten", "one caller of a large commit is never told",
            new SourceEdit(Accounts + "Releases.cs", "if (ReferenceEquals(seen, waiter))", """
                if (ReferenceEquals(seen, waiter) && Mutant.Is("caller-forgotten") && waiter.Next?.Next is { Next: null } last)
                {
                    next = last;
                }

                if (ReferenceEquals(seen, waiter))
                """)),
        new("balance-ahead", "a balance read shows what is not durable yet",
            new SourceEdit(Accounts + "AccountActivation.cs", "public QueuedDecision Durable => durable;", """public QueuedDecision Durable => Mutant.Is("balance-ahead") ? tail : durable;""")),
        new("unknown-is-lost", "a commit whose answer was lost is taken for one that did not take place",
            new SourceEdit(Accounts + "CallRunner.cs", "return rows.Count == 1 &&", """return !Mutant.Is("unknown-is-lost") && rows.Count == 1 &&""")),
        new("dropped-lives", "what was decided on a dropped state still reaches the store",
            new SourceEdit(Accounts + "GroupCommit.cs", "if (!decisions.Exists(static decision => decision.Activation.IsDropped))", """if (Mutant.Is("dropped-lives") || !decisions.Exists(static decision => decision.Activation.IsDropped))""")),
        new("slot-leak", "a call that queued nothing keeps its slot",
            new SourceEdit(Accounts + "CallRunner.cs", "if (!isDecided || !attempt.UsedSlot)", """if (!isDecided || (!Mutant.Is("slot-leak") && !attempt.UsedSlot))""")),
        new("refund-ended", "what came from a month that has ended comes back to that month",
            new SourceEdit(Core + "Account.Credits.cs", "if (IsEnded(state, burn, now))", """if (!Mutant.Is("refund-ended") && IsEnded(state, burn, now))""")),
        new("record-outlives", "a record subscription is not ended by the full refund of its charge",
            new SourceEdit(Core + "Account.Credits.cs", "EndedRecords = isFull ? original.Records : [],", """EndedRecords = isFull && !Mutant.Is("record-outlives") ? original.Records : [],""")),

        // Bugs of status, debt, plans and visits.
        new("debt-forgiven", "what is owed is not settled by the credits that come",
            new SourceEdit(Core + "Account.Debt.cs", "=> state.Owed.IsPositive && state.Available.IsPositive;", """=> !Mutant.Is("debt-forgiven") && state.Owed.IsPositive && state.Available.IsPositive;""")),
        new("take-back-free", "credits that were spent already are taken back without being owed",
            new SourceEdit(Core + "Account.Debt.cs", "var rest = command.Amount - removed;", """var rest = Mutant.Is("take-back-free") ? Credits.Zero : command.Amount - removed;""")),
        new("take-back-any", "credits are taken back in the order of spending, whichever grant is named",
            new SourceEdit(Core + "Grants.cs", "var index = inSpendOrder.FindIndex(grant => grant.Grant == first);", """var index = Mutant.Is("take-back-any") ? -1 : inSpendOrder.FindIndex(grant => grant.Grant == first);""")),
        new("take-back-archived", "credits whose grant is archived are taken back in the order of spending",
            new SourceEdit("src/Metering.Engine/EmbeddedCreditMeter.Accounts.cs", "(grant, isArchived) = (found.Entry?.Sequence ?? 0, found.IsArchived);", """(grant, isArchived) = (found.Entry?.Sequence ?? 0, found.IsArchived && !Mutant.Is("take-back-archived"));""")),
        new("planned-forgotten", "a planned change of plan is forgotten in a restart from a snapshot",
            new SourceEdit(Core + "SnapshotCodec.cs", "state.PlannedTerms = TermsCodec.DecodeOptional(ref reader);", """state.PlannedTerms = TermsCodec.DecodeOptional(ref reader) is { } plan && !Mutant.Is("planned-forgotten") ? plan : null;""")) { NeedsSmallFigures = true },
        new("cancelled-grants", "a month after the end of a cancelled subscription is granted",
            new SourceEdit(Core + "Account.cs", "(state.EndsAt is not { } endsAt ||", """(Mutant.Is("cancelled-grants") || state.EndsAt is not { } endsAt ||""")),
        new("grace-forgotten", "an unpaid account spends nothing from the first unpaid instant on",
            new SourceEdit(Core + "Account.Renewal.cs", ": GraceEnd(paid, grace);", """: Mutant.Is("grace-forgotten") ? paid : GraceEnd(paid, grace);""")),
        new("grace-beyond", "the grace period holds the instant of its end, too",
            new SourceEdit(Core + "Account.Renewal.cs", ": GraceEnd(paid, grace);", """: GraceEnd(paid, grace).AddMilliseconds(Mutant.Is("grace-beyond") && grace > TimeSpan.Zero ? 1 : 0);""")),
        new("grace-cancelled", "a cancelled subscription has a grace period, too",
            new SourceEdit(Core + "Account.Renewal.cs", ": state.EndsAt is not null ? paid", """: state.EndsAt is not null && !Mutant.Is("grace-cancelled") ? paid"""),
            new SourceEdit(Core + "Account.Renewal.cs", "=> now >= state.EndsAt || now >= SpendsThrough", """=> now >= (Mutant.Is("grace-cancelled") ? state.EndsAt + grace : state.EndsAt) || now >= SpendsThrough""")),
        new("grace-cancel-again", "a second cancellation within the grace period is refused",
            new SourceEdit(Core + "Account.Plans.cs", "if (command.IsCancelled && IsOver(state, now, grace))", """if (command.IsCancelled && (Mutant.Is("grace-cancel-again") ? IsInactive(state, now, grace) : IsOver(state, now, grace)))""")),
        new("visit-slides", "a visit starts an active subscription anew",
            new SourceEdit(Core + "Account.Visits.cs", "out var active) && active.IsActiveOn(today))", """out var active) && active.IsActiveOn(today) && !Mutant.Is("visit-slides"))""")),

        new("cut-early", "the ledger is cut before the archive holds what goes",
            new SourceEdit(Archive + "LedgerArchiver.cs", "        await writer.FlushAsync(cancellationToken);", """
                        if (!Mutant.Is("cut-early"))
                        {
                            await writer.FlushAsync(cancellationToken);
                        }

                """),
            new SourceEdit(Archive + "LedgerArchiver.cs", "await ArchiveProof.HoldsAsync(archive, account, cancellationToken);", """await (Mutant.Is("cut-early") ? ValueTask.CompletedTask : ArchiveProof.HoldsAsync(archive, account, cancellationToken));""")),
        new("cut-unvouched", "the ledger is cut although its checkpoint was refused or lost",
            new SourceEdit(Archive + "LedgerArchiver.cs", "if (outcome.Refusal is { } refusal)", """if (outcome.Refusal is { } refusal && !Mutant.Is("cut-unvouched"))""")),
        new("archive-tail", "entries go into the archive while retries may still ask for their answers",
            new SourceEdit(Archive + "LedgerArchiver.cs", "return kept < options.Before ?", """return !Mutant.Is("archive-tail") && kept < options.Before ?""")),
        new("archived-unknown", "an archived transaction is taken for one that never was",
            new SourceEdit("src/Metering.Engine/EmbeddedCreditMeter.cs", "return (null, true);", """return (null, !Mutant.Is("archived-unknown"));""")),

        // Bugs that the simulation found in the engine, planted again.
        new("drain-early", "a call that waited to load its account writes after the meter was drained",
            new SourceEdit(Accounts + "GroupCommit.cs", "if (isStopping || fatal.Task.IsCompleted)", """if ((isStopping && !Mutant.Is("drain-early")) || fatal.Task.IsCompleted)"""),
            new SourceEdit(Accounts + "CallRunner.cs", "if (commit.IsStopping)", """if (commit.IsStopping && !Mutant.Is("drain-early"))""")),
        new("drain-snapshot", "an account that leaves memory after the meter was drained leaves a snapshot",
            new SourceEdit(Accounts + "GroupCommit.cs", "if (isClosed ||", """if ((isClosed && !Mutant.Is("drain-snapshot")) ||""")) { NeedsSmallFigures = true },
        new("refund-behind", "a refund is judged on a state that has not seen its charge",
            new SourceEdit("src/Metering.Engine/EmbeddedCreditMeter.cs", "View.Sequence < original.Sequence)", """View.Sequence < original.Sequence && !Mutant.Is("refund-behind"))""")),
        new("evict-own", "an account that is larger than the memory budget is evicted by its own load",
            new SourceEdit(Accounts + "ActivationTable.cs", "activation == loaded ||", """(activation == loaded && !Mutant.Is("evict-own")) ||""")),

        // Bugs of the ledger behind a journal.
        new("journal-early", "journal records are deleted before the pages have them",
            new SourceEdit(Journal + "JournaledLedgerStore.Project.cs", "var through = records.Count == 0 ? watermark : records[^1].Position;", """
                var through = records.Count == 0 ? watermark : records[^1].Position;
                if (Mutant.Is("journal-early"))
                {
                    journal.Delete(through);
                }

                """)),
        new("watermark-high", "the watermark is written one too high",
            new SourceEdit(Journal + "JournaledLedgerStore.Project.cs", "commit.Commit(through);", """commit.Commit(Mutant.Is("watermark-high") ? through + 1 : through);""")),
        new("tail-uncompared", "the heads of accounts that have a tail are not compared",
            new SourceEdit(Journal + "JournaledLedgerStore.Append.cs", "if (state.Head == group.Expected)", """if (state.Head == group.Expected || (Mutant.Is("tail-uncompared") && state.HasTail))""")),
        new("pages-first", "a read takes the pages before the tail",
            new SourceEdit(Journal + "JournaledLedgerStore.Read.cs", "TailSpan[] spans;", """
                List<LedgerRow>? early = Mutant.Is("pages-first") ? [] : null;
                if (early is not null)
                {
                    AddFromPages(account, from, long.MaxValue, limit, early);
                }

                TailSpan[] spans;
                """),
            new SourceEdit(Journal + "JournaledLedgerStore.Read.cs", """
                        var rows = new List<LedgerRow>();
                        if (from < tailFirst && limit > 0)
                """, """
                        var rows = early?.FindAll(row => row.Sequence < tailFirst) ?? [];
                        if (early is null && from < tailFirst && limit > 0)
                """)),
        new("merge-doubles", "a read takes from the pages what the tail gives, too",
            new SourceEdit(Journal + "JournaledLedgerStore.Read.cs", "AddFromPages(account, from, tailFirst, limit, rows);", """AddFromPages(account, from, Mutant.Is("merge-doubles") ? long.MaxValue : tailFirst, limit, rows);""")),
        new("read-gives-up", "a read whose journal record is deleted meanwhile ends short instead of beginning again",
            new SourceEdit(Journal + "JournaledLedgerStore.Read.cs", """
                            if (rows.Count < limit && !AddFromSpan(span, from, limit, rows))
                            {
                                return null;
                """, """
                            if (rows.Count < limit && !AddFromSpan(span, from, limit, rows))
                            {
                                return Mutant.Is("read-gives-up") ? rows : null;
                """)),
        new("recover-gap", "a start leaves out what comes after a gap in the journal",
            new SourceEdit(Journal + "JournaledLedgerStore.cs", "if (found != expected)", """
                if (found != expected && Mutant.Is("recover-gap"))
                {
                    return false;
                }

                if (found != expected)
                """)),
        new("recover-unchecked", "a start does not check the journal's records",
            new SourceEdit(Journal + "JournaledLedgerStore.cs", "JournalRecord.Check(record, found, journal.Name);", """
                if (!Mutant.Is("recover-unchecked"))
                {
                    JournalRecord.Check(record, found, journal.Name);
                }

                """)),
        new("recover-twice", "deleted records that a crash brought back are taken for the tail",
            new SourceEdit(Journal + "JournaledLedgerStore.cs", "var expected = watermark + 1;", """var expected = Mutant.Is("recover-twice") && journal.State is { First: > 0 } found0 ? Math.Min(found0.First, watermark + 1) : watermark + 1;""")),
        new("returned-stay", "deleted records that a crash brought back are never deleted again",
            new SourceEdit(Journal + "JournaledLedgerStore.cs", "state.First <= watermark)", """state.First <= watermark && !Mutant.Is("returned-stay"))""")),
        new("journal-unneeded", "pages do not say that they need their journal",
            new SourceEdit(Journal + "JournaledLedgerStore.cs", "pages.SetNeedsJournal(true);", """pages.SetNeedsJournal(!Mutant.Is("journal-unneeded"));""")),
        new("any-journal", "another ledger's journal is accepted",
            new SourceEdit(Journal + "JournalRules.cs", "if (found.Identity != state.Identity)", """if (found.Identity != state.Identity && !Mutant.Is("any-journal"))""")),
        new("rewrite-drops", "a page that is written anew loses the last entries that came to it",
            new SourceEdit(Journal + "PagePacker.cs", "builder.Continue(last);", """
                builder.Continue(last);
                            if (Mutant.Is("rewrite-drops") && spans.Count > 1)
                            {
                                spans.RemoveAt(spans.Count - 1);
                            }

                """)),
        new("keys-forgotten", "idempotency keys are forgotten when their entries move into pages",
            new SourceEdit(Journal + "PagePacker.cs", "keys.Write(records[^1].Position, commit, view);", """
                if (!Mutant.Is("keys-forgotten"))
                {
                    keys.Write(records[^1].Position, commit, view);
                }

                """)),
        new("run-loses", "a run of keys that is written anew loses its older keys",
            new SourceEdit(Journal + "KeyPacker.cs", "older = found.ToArray();", """older = Mutant.Is("run-loses") ? [] : found.ToArray();"""),
            new SourceEdit(Journal + "KeyPacker.cs", "(run, keys) = (last, keys + lastKeys);", """(run, keys) = (last, Mutant.Is("run-loses") ? keys : keys + lastKeys);""")),
        new("no-comparison", "accounts without a note of what falls due are not looked for",
            new SourceEdit(Due + "DueQueue.cs", "if (compareAt > time.GetUtcNow())", """if (compareAt > time.GetUtcNow() || Mutant.Is("no-comparison"))""")),
        new("due-once", "an account that was looked at is not noted again",
            new SourceEdit(Due + "DueQueue.cs", "Keep(NoteOf(account, run.View.NextDue));", """Keep(Mutant.Is("due-once") ? new(account, now.AddDays(10_000)) : NoteOf(account, run.View.NextDue));""")),

        // Bugs of a store that several processes share, built into the simulation's model of one.
        new("no-fence", "after an unknown outcome nothing waits for the lost commit, which charges a second time") { Store = StoreBug.NoFence },
        new("late-ones", "the fence waits for a lost commit that runs, and not for one that is still on its way") { Store = StoreBug.FenceLetsLateOnesIn },
        new("compare-early", "an append that waited for a lock compares the head that it saw before") { Store = StoreBug.CompareBeforeWaiting },
    ];
}

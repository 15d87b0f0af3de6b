using Metering.Core;

namespace Metering.Engine;

/// <summary>Turns decisions into rows and links. Buffers, rows and groups are used again from commit to commit; one writer owns it.</summary>
internal sealed class CommitBuilder
{
    /// <summary>Rows that a group's list may have room for and be kept in any number; of larger ones only a few are.</summary>
    private const int SmallGroup = 16;

    private const int MaxLargeGroups = 16;

    private readonly ByteWriter facts = new(64 * 1024);
    private readonly ByteWriter texts = new(64 * 1024);
    private readonly ChainHasher hasher = new();
    private readonly List<AppendGroup> groups = [];
    private readonly List<AccountActivation> members = [];
    private readonly Stack<AppendGroup> small = new();
    private readonly Stack<AppendGroup> large = new();

    /// <summary>
    /// One group per activation (<see cref="AccountActivation.Group"/>), rows in the order of the decisions. Valid until the next call.
    /// </summary>
    public IReadOnlyList<AppendGroup> Build(List<QueuedDecision> decisions)
    {
        Clear();
        foreach (var decision in decisions)
        {
            var activation = decision.Activation;
            if (activation.Group is null)
            {
                activation.Group = NewGroup(activation);
                members.Add(activation);
                groups.Add(activation.Group);
            }

            var rows = (List<LedgerRow>)activation.Group.Rows;
            for (var index = 0; index < decision.Entries.Count; index++)
            {
                rows.Add(RowOf(decision.Entries[index]));
            }
        }

        foreach (var group in groups)
        {
            group.Next = HeadAfter(group);
        }

        return groups;
    }

    private void Clear()
    {
        facts.Clear();
        texts.Clear();
        members.ForEach(static activation => activation.Group = null);
        members.Clear();
        foreach (var group in groups)
        {
            var rows = (List<LedgerRow>)group.Rows;
            rows.Clear();
            if (rows.Capacity <= SmallGroup)
            {
                small.Push(group);
            }
            else if (large.Count < MaxLargeGroups)
            {
                large.Push(group);
            }
        }

        groups.Clear();
    }

    private AppendGroup NewGroup(AccountActivation activation)
    {
        // A large one first: who was called most often in the last commit is likely to be so in this one.
        if (!large.TryPop(out var group) && !small.TryPop(out group))
        {
            return new() { Account = activation.Account, Expected = activation.CommittedHead, Next = default, Rows = new List<LedgerRow>(4), Handle = activation.StoreHandle };
        }

        (group.Account, group.Expected, group.Result, group.Handle) = (activation.Account, activation.CommittedHead, AppendResult.Pending, activation.StoreHandle);
        return group;
    }

    private LedgerRow RowOf(Entry entry)
    {
        var (factsStart, textsStart) = (facts.Length, texts.Length);
        EntryCodec.Encode(entry, facts, texts);
        return new()
        {
            Sequence = entry.Sequence,
            TransactionNumber = entry.TransactionNumber,
            IsTransaction = entry is TransactionEntry,
            Key = entry.Key?.Id,
            Facts = facts.Written[factsStart..],
            Texts = texts.Written[textsStart..],
        };
    }

    private LedgerHead HeadAfter(AppendGroup group)
    {
        hasher.Begin(group.Expected.Link);
        foreach (var row in (List<LedgerRow>)group.Rows)
        {
            hasher.Add(row.Facts.Span, row.Texts.Span);
        }

        return new(group.Rows[^1].Sequence, hasher.End());
    }
}

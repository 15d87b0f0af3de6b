namespace Metering.Engine;

/// <summary>Notes of what falls due, in memory. Not safe for concurrent use.</summary>
internal sealed class MemoryDues
{
    private readonly Dictionary<AccountId, DateTimeOffset> wakes = [];
    private readonly SortedSet<DueNote> inOrder = new(Comparer<DueNote>.Create(static (one, other) =>
        one.WakeAt.CompareTo(other.WakeAt) is var order and not 0 ? order : string.CompareOrdinal(one.Account.Value, other.Account.Value)));

    public void Note(IReadOnlyList<DueNote> notes)
    {
        foreach (var note in notes)
        {
            if (wakes.TryGetValue(note.Account, out var before))
            {
                inOrder.Remove(new(note.Account, before));
            }

            wakes[note.Account] = note.WakeAt;
            inOrder.Add(note);
        }
    }

    public AccountId[] Due(DateTimeOffset now, int limit) => [.. inOrder.TakeWhile(note => note.WakeAt <= now).Take(limit).Select(note => note.Account)];

    public AccountId[] Noted(AccountId? after, AccountId through) =>
    [
        .. wakes.Keys
            .Where(account => string.CompareOrdinal(account.Value, after?.Value) > 0 && string.CompareOrdinal(account.Value, through.Value) <= 0)
            .OrderBy(account => account.Value, StringComparer.Ordinal),
    ];
}

namespace Metering.Engine;

/// <summary>Limits that hold in this process. Its memory is bounded: windows that are over are forgotten, and beyond that the oldest.</summary>
/// <param name="time">The clock.</param>
internal sealed class LocalCallLimits(TimeProvider time) : ICallLimits
{
    /// <summary>Subjects counted at once, about 200 bytes each. Whoever comes with ever new ones makes others' windows begin anew, no more.</summary>
    internal const int Capacity = 100_000;

    private readonly Lock gate = new();
    private readonly Dictionary<(string Limit, string Subject), LimitWindow> windows = [];
    private readonly Queue<(string Limit, string Subject)> inOrder = new();

    /// <summary>Subjects counted now.</summary>
    internal int Count
    {
        get
        {
            lock (gate)
            {
                return windows.Count;
            }
        }
    }

    /// <inheritdoc />
    public ValueTask<LimitVerdict> TakeAsync(CallLimit limit, string subject, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(limit);
        var key = (limit.Name, subject);
        lock (gate)
        {
            if (!windows.TryGetValue(key, out var window))
            {
                MakeRoom();
                windows.Add(key, window = new(time));
                inOrder.Enqueue(key);
            }

            return new(window.Take(limit.Permits, limit.Window));
        }
    }

    /// <summary>Two steps for each subject that comes, so that those that are over go sooner than new ones come.</summary>
    private void MakeRoom()
    {
        for (var step = 0; step < 2 && inOrder.TryDequeue(out var oldest); step++)
        {
            if (windows[oldest].IsOver || windows.Count >= Capacity)
            {
                windows.Remove(oldest);
            }
            else
            {
                inOrder.Enqueue(oldest);
            }
        }
    }
}

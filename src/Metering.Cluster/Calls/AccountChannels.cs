using System.Collections.Concurrent;

namespace Metering.Cluster;

/// <summary>
/// The way from this process to accounts elsewhere. Calls that wait together travel as one message: to an account's grain where nobody knows
/// yet where it lives, and else to its silo, with the calls to other accounts there. While a few messages are on their way, the next one
/// gathers; nothing lingers. A message is answered with its slowest call, so balances go beside writes, which wait for a commit, and what may
/// take long goes to its account alone.
/// </summary>
/// <param name="grains">The way to the cluster.</param>
/// <param name="capacity">Calls that may wait.</param>
/// <param name="here">The silo of this process; null for none. No route leads to it: callers beside an account pass its grain by, and those that
/// do not are to reach that grain, which Orleans would take for idle else.</param>
internal sealed class AccountChannels(IGrainFactory grains, int capacity, string? here)
{
    private readonly ConcurrentDictionary<ChannelKey, Channel> channels = new();
    private readonly AccountRoutes routes = new();
    private int waiting;

    /// <summary>Sends a call; null where too many calls are on their way already.</summary>
    /// <exception cref="OperationCanceledException">The caller gave up; a call that was sent already takes effect.</exception>
    public async ValueTask<AccountAnswer?> SendAsync(AccountId account, Lane lane, AccountCall call, CancellationToken cancellationToken)
    {
        if (Interlocked.Increment(ref waiting) > capacity)
        {
            Interlocked.Decrement(ref waiting);
            return null;
        }

        var silo = lane == Lane.Alone ? null : routes.Find(account);
        var isFound = false;
        try
        {
            var sent = new SentCall(account, call, cancellationToken);
            var key = silo is null
                ? new ChannelKey(account.Value, 0, IsSilo: false, lane)
                : new ChannelKey(silo, (int)((uint)account.GetHashCode() % SiloGrain.Lanes), IsSilo: true, lane);
            while (!channels.GetOrAdd(key, static (key, owner) => owner.Create(key), this).TryAdd(sent))
            {
                // It closed meanwhile; the next look makes another.
            }

            var answer = await sent.Answer.ConfigureAwait(false);
            isFound = answer is not Moved;
            return answer;
        }
        finally
        {
            Interlocked.Decrement(ref waiting);
            if (silo is not null && !isFound)
            {
                routes.Forget(account, silo);
            }
        }
    }

    private Channel Create(ChannelKey key)
    {
        void Close(Channel closed) => channels.TryRemove(KeyValuePair.Create(key, closed));
        if (key.IsSilo)
        {
            var silo = grains.GetGrain<ISiloGrain>(SiloGrain.KeyOf(key.Name, key.Part));
            return new(
                message => silo.RunAsync(new() { Accounts = [.. message.Select(static sent => sent.Account.Value)], Items = [.. message.Select(static sent => sent.Call)] }),
                Close);
        }

        var grain = grains.GetGrain<IAccountGrain>(key.Name);
        return new(
            async message =>
            {
                var answers = await grain.RunAsync(new() { Items = [.. message.Select(static sent => sent.Call)] }).ConfigureAwait(false);
                if (answers.Silo is { } silo && silo != here)
                {
                    routes.Remember(message[0].Account, silo);
                }

                return answers;
            },
            Close);
    }

    /// <param name="Name">The silo, or the account.</param>
    /// <param name="Part">Which of the silo's grains.</param>
    /// <param name="IsSilo">True where it leads to a silo.</param>
    /// <param name="Lane">Which calls travel here.</param>
    private readonly record struct ChannelKey(string Name, int Part, bool IsSilo, Lane Lane);
}

/// <summary>The way to one grain. It exists while there are calls for it.</summary>
internal sealed class Channel(Func<List<SentCall>, ValueTask<AccountAnswers>> send, Action<Channel> closed)
{
    /// <summary>One would leave the commits there idle while its answers travel; more would only make messages smaller.</summary>
    private const int MaxInFlight = 2;

    private const int MaxCalls = 1_024;

    /// <summary>Records and items of one message: its size stays in the range of a few megabytes.</summary>
    private const int MaxWeight = 20_000;

    private readonly Lock gate = new();
    private readonly Queue<SentCall> queue = new();
    private int inFlight;
    private bool isClosed;

    /// <summary>Takes a call along; false where the channel is closed.</summary>
    public bool TryAdd(SentCall call)
    {
        lock (gate)
        {
            if (isClosed)
            {
                return false;
            }

            queue.Enqueue(call);
            if (inFlight >= MaxInFlight)
            {
                return true;
            }

            inFlight++;
        }

        // Not here: callers that one answer woke come back one after another, and their calls travel as one message where its pump is behind them
        // in the pool's line. Sent with the first of them, it held one call, and all others waited for that one's answer. A pump has no caller's context, either.
        ThreadPool.UnsafeQueueUserWorkItem(static channel => _ = channel.PumpAsync(), this, preferLocal: false);
        return true;
    }

    private async Task PumpAsync()
    {
        var message = new List<SentCall>(1);
        while (TryTake(message))
        {
            try
            {
                var answers = await send(message).ConfigureAwait(false);
                for (var index = 0; index < message.Count; index++)
                {
                    message[index].Complete(answers.Items[index]);
                }
            }
            catch (Exception exception)
            {
                foreach (var call in message)
                {
                    call.Fail(exception);
                }
            }

            // Behind those who were just told, for the same reason.
            await Task.Yield();
        }
    }

    private bool TryTake(List<SentCall> message)
    {
        message.Clear();
        lock (gate)
        {
            var weight = 0;
            while (queue.TryPeek(out var next) && message.Count < MaxCalls && (message.Count == 0 || weight + next.Call.Weight <= MaxWeight))
            {
                queue.Dequeue();
                if (next.TryBegin())
                {
                    message.Add(next);
                    weight += next.Call.Weight;
                }
            }

            if (message.Count > 0)
            {
                return true;
            }

            inFlight--;
            isClosed = inFlight == 0;
            if (!isClosed)
            {
                return false;
            }
        }

        closed(this);
        return false;
    }
}

/// <summary>A call that waits to be sent, or for its answer.</summary>
internal sealed class SentCall
{
    private readonly TaskCompletionSource<AccountAnswer> source = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenRegistration registration;

    public SentCall(AccountId account, AccountCall call, CancellationToken cancellationToken)
    {
        (Account, Call) = (account, call);
        registration = cancellationToken.UnsafeRegister(static (state, token) => ((SentCall)state!).source.TrySetCanceled(token), this);
    }

    public AccountId Account { get; }

    public AccountCall Call { get; }

    public Task<AccountAnswer> Answer => source.Task;

    /// <summary>False where the caller has given up: the call is not sent.</summary>
    public bool TryBegin() => !source.Task.IsCompleted;

    public void Complete(AccountAnswer answer)
    {
        registration.Unregister();
        source.TrySetResult(answer);
    }

    public void Fail(Exception exception)
    {
        registration.Unregister();
        source.TrySetException(exception);
    }
}

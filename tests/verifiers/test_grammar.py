"""The corners of the grammar: `gold ~ answer`, one a line; equal, different, or left to symbolic algebra."""

import pytest

from verigrad.verifiers import decide, is_strict, lenient_answer
from verigrad.verifiers.answers import read
from verigrad.verifiers.expression import LimitExceeded, Unreadable

EQUAL = r"""
\mathbb{R}-\{1,2\} ~ \mathbb{R}-\{2,1\}
x<1 \text{ or } y>2 ~ x<1 \text{ or } y>2.0
[2,5) ~ \{x \mid x\ge2 \text{ and } x<5\}
(-\infty,2)\cup(3,\infty) ~ x<2 \text{ or } x>3
(-\infty,2)\cup(3,\infty) ~ x < 2 or x > 3
x<2 \text{ or } x>3 ~ (-\infty,2)\cup(3,\infty)
x < 2 or x > 3 ~ x > 3 or x < 2
(-\infty,2)\cup(3,\infty) ~ x < 2, x > 3
(-\infty,2)\cup(3,\infty) ~ x\in(-\infty,2)\text{ or }x\in(3,\infty)
-2<x<3 ~ x>-2 \text{ and } x<3
-2<x<3 ~ x>-2, x<3
(-2,0)\cup(2,\infty) ~ -2<x<0 \text{ or } x>2
k<-2 \text{ or } k>2 ~ |k|>2
[2,5) ~ \{x \mid 2\le x<5\}
[2,5) ~ \{x : 2\le x<5\}
[2,5) ~ \{x\in\mathbb{R}\mid 2\le x<5\}
(-\infty,1)\cup(1,\infty) ~ \mathbb{R}-\{1\}
(-\infty,1)\cup(1,\infty) ~ x \ne 1
66\frac{2}{3}\% ~ 66\frac{2}{3}
37\frac12\% ~ 37.5\%
(1,0),(-1,0) ~ (\pm1,0)
(3,\pm4) ~ (3,4),(3,-4)
\cos\frac{\pi}{9}, \cos\frac{2\pi}{9}, \cos\frac{4\pi}{9} ~ \cos(4\pi/9), \cos(\pi/9), \cos(2\pi/9)
\sqrt2,\sqrt3,\sqrt5,\sqrt6,\sqrt7,\sqrt{10} ~ 10^{1/2}, 2^{1/2}, 3^{1/2}, 5^{1/2}, 6^{1/2}, 7^{1/2}
\pm\sqrt{2+\sqrt2},\pm\sqrt{2-\sqrt2} ~ \sqrt{2+\sqrt2},-\sqrt{2+\sqrt2},\sqrt{2-\sqrt2},-\sqrt{2-\sqrt2}
\frac{1}{\sqrt5}((\frac{1+\sqrt5}{2})^n-(\frac{1-\sqrt5}{2})^n) ~ \frac{(1+\sqrt5)^n-(1-\sqrt5)^n}{2^n\sqrt5}
12 ~ m+n=12
12 ~ m+n = 5+7 = 12
12 ~ a+b+c = 12
25\pi ~ A = \pi r^2 = 25\pi
12 ~ A = lw = 4\cdot 3 = 12
12 ~ S_n=\frac{n(n+1)}{2}=12
12 ~ AB=\sqrt{a^2+b^2}=12
(1,3) ~ x = 1, y = 3
1,2,3 ~ [1,2,3]
(1,2) ~ 1, 2
2,3 ~ x = 2 \text{ or } x = 3
x=2,x=3 ~ 2 \text{ or } 3
x > 3 \text{ and } x < 5 ~ 3<x<5
e^x ~ \exp(x)
\sinh x ~ \frac{e^x-e^{-x}}{2}
\sqrt{x} ~ x^{1/2}
x^{0.5} ~ \sqrt{x}
2^{\log_2 x} ~ x
x > 2 ~ \frac{x}{2} > 1
\{a\} ~ \{a,b\} \setminus \{b\}
\{2\} ~ \{1,2\} \cap \{2.0,-3\}
x^{2^3} ~ x^2^3
(1,3)\cap(2,5) ~ (1,3)\cap(2,6)
[0,1) ~ (0,1) \cup \{0\}
(0,2) ~ (0,1) \cup (1,2) \cup \{1\}
(-\infty,0)\cup(0,\infty) ~ \mathbb{R}\setminus\{0\}
[0,1) ~ [0,1) \cup [5,-5]
\sqrt{xy} ~ \sqrt{x}\sqrt{y}
\ln(xy) ~ \ln x + \ln y
36x\sqrt{35x} ~ 36\sqrt{35x^3}
\sqrt{x^2} ~ |x|
x^{3/2} ~ x\sqrt{x}
\frac{1}{\sqrt{x}+1} ~ \frac{\sqrt x-1}{x-1}
2\ln x ~ \ln x^2
(-1)^n ~ (-1)^{n+2}
2^{n+1} ~ 2\cdot2^n
e^{2x} ~ (e^x)^2
\frac{\sqrt{3}+i}{2} ~ e^{i\pi/6}
\arctan x + C ~ C+\arctan x
y=\sqrt{x} ~ \sqrt{x}=y
y = 2x+3 ~ 2x-y+3=0
x = 5 ~ 5 = x
f(x) = x^2 ~ x^2
f(x)=x^2 ~ f(x) = x\cdot x
P(A)=1/2 ~ 1/2
\{1,2\} ~ \{1,2,3\} \setminus \{3\}
x \ne 3 ~ 3 \ne x
x > 3 ~ 3 < x
(3,\infty) ~ x>3
x\in(3,\infty) ~ 2x > 6
5 ~ x = 2 + 3 = 5
\frac{22}{7} ~ \frac{22}{7} \approx 3.14
|AB| = 5 ~ AB = 5
a_{n+1} = 2a_n ~ a_{n+1} = 2 a_n
2^{9000} ~ 4^{4500}
2^{10000} ~ 4^{5000}
2^{2023} ~ 2 \cdot 4^{1011}
\sum_{n=1}^{\infty} \frac{1}{n^2} ~ \sum_{n=1}^\infty n^{-2}
\frac{|x|}{x} ~ \frac{x}{|x|}
\log_2 x ~ \frac{\ln x}{\ln 2}
x^2<4 ~ x^2-4<0
x^2<4 ~ 4>x^2
x<y<z ~ z>y>x
x\ne y ~ y\ne x
2x\in A ~ x+x\in A
(1,3)\cap(2,5) ~ (1,3)\cap(2,5.0)
x\in\{1\}\cup[2,3] ~ [2,3]\cup\{1\}
[0,1)\cup[1,2] ~ [0,2]
[0,2]\cup[1,2) ~ 0\le x\le 2
(0,2]\cup[0,1] ~ [0,2]
(0,5)\cup(1,2) ~ (0,5)
1<|x|<3 ~ (-3,-1)\cup(1,3)
|x|<2 ~ (-2,2)
-1<|x|\le 3 ~ [-3,3]
|2x-1|\ge 3 ~ (-\infty,-1]\cup[2,\infty)
-2x<6 ~ x>-3
-3<1-2x\le 5 ~ [-2,2)
5>2x+1\ge 3 ~ [1,2)
(-\sqrt{2},\sqrt{2}) ~ -\sqrt2<x<\sqrt2
x\ne 1 ~ (-\infty,1)\cup(1,\infty)
f(x)\ge 2 ~ [2,\infty)
x\in\mathbb{R} ~ \text{all real numbers}
x\in(-\infty,2)\cup(3,\infty) ~ (3,\infty)\cup(-\infty,2)
[0,1]\cup[2,3]\cup[1,2] ~ [0,3]
1,2 ~ (1,2)
x=3,x=4 ~ 3,4
x=3,y=4 ~ y=4,x=3
x=3,y=4 ~ (3,4)
x=3,y=4 ~ 3,4
n=1,2,3 ~ 3,2,1
\{1,2\}\cup\{3\} ~ \{1,2,3\}
\{1,2,3\}\setminus\{3\} ~ \{1,2\}
\{1,2,3\}\cap\{2,3,4\} ~ \{2,3\}
1:2:3 ~ 2:4:6
3:2:1 ~ \frac{3}{2}:1:\frac{1}{2}
54 ~ 204_5
\frac{\sqrt{2}}{100} ~ \sqrt{2}\%
\sqrt{2}\% ~ \frac{\sqrt{2}}{100}
\frac{1}{3} ~ 0.333333
\sqrt{2} ~ 1.414214
\sqrt{2} ~ 1.414213
\begin{pmatrix}2&4\\6&8\end{pmatrix} ~ 2\begin{pmatrix}1&2\\3&4\end{pmatrix}
\begin{pmatrix}1&2\\3&4\end{pmatrix} ~ \frac{1}{2}\begin{pmatrix}2&4\\6&8\end{pmatrix}
\begin{pmatrix}1&2\\3&4\end{pmatrix} ~ \begin{pmatrix}2&4\\6&8\end{pmatrix}/2
\begin{pmatrix}1&2\\3&4\end{pmatrix} ~ \frac{\begin{pmatrix}2&4\\6&8\end{pmatrix}}{2}
\begin{pmatrix}-1\\2\end{pmatrix} ~ -\begin{pmatrix}1\\-2\end{pmatrix}
\begin{pmatrix}4\\6\end{pmatrix} ~ \begin{pmatrix}1\\2\end{pmatrix}+\begin{pmatrix}3\\4\end{pmatrix}
\begin{pmatrix}2\\2\end{pmatrix} ~ \begin{pmatrix}3\\4\end{pmatrix}-\begin{pmatrix}1\\2\end{pmatrix}
\begin{pmatrix}17\\39\end{pmatrix} ~ \begin{pmatrix}1&2\\3&4\end{pmatrix}\begin{pmatrix}5\\6\end{pmatrix}
\begin{array}{cc}1&2\\3&4\end{array} ~ \begin{pmatrix}1&2\\3&4\end{pmatrix}
\frac{1}{2+\sqrt{3}i} ~ \frac{2-\sqrt{3}i}{7}
\ln i ~ \frac{i\pi}{2}
\ln(-2) ~ \ln 2+i\pi
\sqrt{2}^{-2} ~ \frac12
(\sqrt{2})^{-3} ~ \frac{\sqrt{2}}{4}
\sqrt[3]{-\sqrt{2}} ~ -\sqrt[6]{2}
\cos(i) ~ \cosh(1)
\sin(i) ~ i\sinh(1)
\sinh(1) ~ \frac{e-e^{-1}}{2}
\tanh(1) ~ \frac{e^2-1}{e^2+1}
\coth(1) ~ \frac{e^2+1}{e^2-1}
\arcsin(\frac{\sqrt{2}}{2}) ~ \frac{\pi}{4}
\arccos(\frac{\sqrt{2}}{2}) ~ \frac{\pi}{4}
\arctan(\sqrt{3}) ~ \frac{\pi}{3}
\sin^{-1}(1) ~ \frac{\pi}{2}
\operatorname{arccot}(\sqrt{3}) ~ \frac{\pi}{6}
\operatorname{sgn}(-\sqrt{2}) ~ -1
\lfloor\sqrt{2}\rfloor ~ 1
\lceil\sqrt{2}\rceil ~ 2
\lfloor\sqrt{4.0}\rfloor ~ 2
\lfloor(\sqrt{2}+1)(\sqrt{2}-1)\rfloor ~ 1
\max(\sqrt{2},\sqrt{3}) ~ \sqrt{3}
\min(\sqrt{2},\sqrt{3}) ~ \sqrt{2}
\max(2,3) ~ 3
\operatorname{Re}(\sqrt{2}+3i) ~ \sqrt{2}
\operatorname{Im}(\sqrt{2}+3i) ~ 3
\arg(1+i) ~ \frac{\pi}{4}
\arg(-1-i) ~ -\frac{3\pi}{4}
\cos(0)+\sqrt{2} ~ 1+\sqrt{2}
\sin(\pi)+\sqrt{2} ~ \sqrt{2}
\sec(\frac{\pi}{3}) ~ 2
\csc(\frac{\pi}{6}) ~ 2
\cot(\frac{\pi}{4}) ~ 1
\tan(60^\circ) ~ \sqrt{3}
\lg(1000) ~ 3
\gcd(12,18) ~ 6
\operatorname{lcm}(4,6) ~ 12
\operatorname{lcm}(a,b) ~ ab
\gcd(a,b) ~ 1
17\bmod 5 ~ 2
(-1)\bmod 5 ~ 4
\Gamma(5) ~ 24
\binom{2}{3} ~ 0
\binom{3}{-1} ~ 0
\lceil 2.1\rceil ~ 3
|-\frac12| ~ \frac12
5\% ~ \frac{1}{20}
x\% ~ \frac{x}{100}
x^{1/2} ~ \sqrt{x}
2^{\sqrt{2}}\cdot 2^{\sqrt{2}} ~ 4^{\sqrt{2}}
a_n+1 ~ 1+a_n
a_{n+1} ~ a_{1+n}
f^{-1}(x)+1 ~ 1+f^{-1}(x)
f'(x) ~ f'(x)+0
f''+1 ~ 1+f''
\sum_{k=1}^{n}k^2 ~ \sum_{k=1}^{n}k\cdot k
\int_0^1 x\,dx ~ \int_{0}^{1}x\,dx
\frac12 ~ 3\times 10^{-1}+0.2
2^{-2} ~ 0.25
1\frac12 ~ 1.5
3 \frac{7}{10} ~ 3.7
2 1/2+x ~ x+2.5
\langle 1,2\rangle ~ (1,2)
[1,2] ~ [1,2.0]
(x+1)(x+2)=0 ~ x^2+3x+2=0
2x+2y=4 ~ x+y=2
AB=5 ~ 5
|AB|=5 ~ 5
5=x ~ 5
x\approx 1.5 ~ 1.5
\underline{5} ~ 5
\hat{x}+1 ~ 1+\hat{x}
\frac{1}{2}\text{ cubic meters} ~ 0.5
3\text{ m}^2 ~ 3\text{ square meters}
\$\frac{1}{2} ~ 0.5
-\$5 ~ -5
5\text{ miles per hour} ~ 5\text{ mph}
5\text{ m/s} ~ 5\text{ meters per second}
5. ~ 5
-(-(3)) ~ 3
x--1 ~ x+1
0.\bar{3} ~ \frac13
0.12\overline{34} ~ \frac{611}{4950}
\overline{AB} ~ \bar{A B}
\overline{\overline{AB}}+1 ~ 1+\bar{\bar{AB}}
\hat{\bar{x}} ~ \widehat{\overline{x}}
\bar{\text{part}} ~ \overline{\text{part}}
\bar{\begin{pmatrix}1&2\end{pmatrix}} ~ \overline{\begin{bmatrix}1&2\end{bmatrix}}
\bar{x=5\%} ~ \overline{x = 5\%}
\sqrt{x}\sqrt{y}+1 ~ 1+\sqrt{y}\sqrt{x}
\sin 2x ~ 2\sin x\cos x
\sin^2 x+\cos^2 x ~ 1
\log_{10}(x)+1 ~ \log_{10}(10x)
(0,\infty)\cup(5,\infty) ~ (0,\infty)
(a,b)\cup(c,d) ~ (a,b)\cup(c,d+0)
|x|\ne 1 ~ 1\ne|x|
ax<1 ~ xa<1
8 ~ \$5+\$3
1 ~ 50\%+\frac{1}{2}
54 ~ 204_5+0
\sqrt[65]{2^{65}} ~ 2
5\text{ } ~ 5
\mathbf v+1 ~ v+1
\sin x+1 ~ sin(x)+1
\frac{\pi}{2}+1 ~ pi/2+1
[0,1]\cup[2,3] ~ [0,1] U [2,3]
\text{speed}=5 ~ 5
1 ~ (\sqrt{2}-\sqrt{2})^{\sqrt{2}}+1
\frac{i\ln 3}{2} ~ \arctan(\frac{i}{2})
\sqrt{f(x)}+1 ~ 1+\sqrt{f(x)}
\{(1,\pm 2)\} ~ (1,2),(1,-2)
\{x=\pm 2\} ~ \{2,-2\}
\{\begin{pmatrix}\pm1\\2\end{pmatrix}\} ~ \{\begin{pmatrix}1\\2\end{pmatrix},\begin{pmatrix}-1\\2\end{pmatrix}\}
\{\pm 5\text{ cm}\} ~ -5, 5
f'+1 ~ f^\prime+1
2+x ~ \mathrm{sqrt}(4)+x
5+x ~ . x+5
\infty ~ infinity
(1,2) ~ (1,2,)
1,2 ~ ,1,2
-5 ~ The temperature is -5
4^{16384} ~ 2^{4096}\cdot2^{4096}\cdot2^{4096}\cdot2^{4096}\cdot2^{4096}\cdot2^{4096}\cdot2^{4096}\cdot2^{4096}
1,22 ~ 1.22
""".strip().splitlines()

DIFFERENT = r"""
(0,5) ~ x < 5, x^2 > 0
(0,5) ~ x < 5, 7
(-1,2) ~ x=-1, x=2
(2,3) ~ x=2 \text{ or } x=3
(1,2) ~ a=1,a=2
(1,2) ~ y=1, x=2
(1,2,3) ~ \{1,2,3\}
(-1,2) ~ \{-1,2\}
-1,2 ~ [-1,2]
x=2,x=3 ~ (2,3)
x=2,x=3 ~ [2,3]
(-\infty,2)\cup(3,\infty) ~ x < 2 \text{ and } x > 3
(-\infty,2)\cup(3,\infty) ~ y < 2 or x > 3
x<2 \text{ or } x>3 ~ y<2 \text{ or } y>3
-2<x<3 ~ x>-2 \text{ or } x<3
[2,5) ~ \{x \mid 2\le x\le 5\}
[2,5) ~ \{x\in\mathbb{Z}\mid 2\le x<5\}
3 ~ x = 3 or x = 5
(1,0) ~ (\pm1,0)
x+y=12 ~ 12
5 ~ x = 3 = 5
5 ~ \not= 5
5 ~ \lnot = 5
5 ~ 5 \setminus \mathbb{Z}
\sqrt{2} ~ \sqrt{2} + (1.000000000000000000000000000000000001 - 1)\cdot 10^{24}\cdot 10^{24}
(1,2) ~ (-\infty,a) \cap (2,b)
\mathbb{R} ~ \mathbb{R}\setminus\mathbb{Q}
x > 0 ~ \frac{1}{x} > 0
5 ~ 5^{2^{255}-19}
5 ~ 5 + (2^{255}-19) 2^{9000}
1 ~ x^{57896044618658097711785492504343953926634992332820282019728792003956564819948}
x^2+1 ~ x^{57896044618658097711785492504343953926634992332820282019728792003956564819950}+1
i ~ 19681161376707505956807079304988542015446066515923890162744021073123829784752
|x-3| ~ 3-x
\sqrt{(x-5)^2} ~ 5-x
5 ~ \max(x,5)
x ~ \max(x,-2)
5 ~ 5+\lfloor x^2/100 \rfloor
5 ~ \frac{|x-9|}{9-x}5
x ~ \frac{|x-2|}{2-x} x
x + y < 5 ~ (x+y-5)\frac{|x-9|}{9-x} < 0
x+y=1 ~ (x+y-1)\frac{|x+y-9|}{x+y-9} = 0
z ~ \operatorname{Re}(z)
5 ~ 5+\operatorname{Im}(z)
x ~ \arcsin(\sin x)
|x| ~ x
\sqrt{x^2} ~ x
x ~ |x|
-x ~ |x|
\frac{|x|}{x}5 ~ 5
y=|x| ~ y= x
\max(x,y) ~ x
5 ~ x ≈ 5 = 7
5 ~ 5 \approx 7
5 ~ 5 \approx 6 = 7 = 8
[0,1) ~ x \not\in [0,1)
x \in [0,1) ~ x \not\in [0,1)
[0,1) ~ \neg x \in [0,1)
\mathbb{R} ~ x \not\in \mathbb{R}
x \in [0,1) ~ x^2 \in [0,1)
[0,1) ~ 7 \in [0,1)
\{1,2\} ~ x^2 \in \{1,2\}
\mathbb{R} ~ x^2 \in \mathbb{R}
x > 3 ~ 2y > 6
x > 3 ~ f(x) > 3
x>3 ~ y+0>3
x \in \mathbb{R} ~ y \in \mathbb{R}
1:2 ~ 0x:0x
5:3 ~ 0x:0x
1:2 ~ x-x : x-x
3:7 ~ 0\infty : 0\infty
3:4:5 ~ 0x:0x:0x
P(A) = 1/2, P(B) = 1/3 ~ P(A) = 1/3, P(B) = 1/2
f(0) = 1, f(1) = 2 ~ f(1) = 1, f(0) = 2
f(1) = 5 ~ f(2) = 5
a_{n+1} = 2a_n ~ a_{n-1} = 2a_n
a_{n+1} = 2 ~ a = 2
AB = 5 ~ \frac{A}{B} = 5
\frac{A}{B} = 2 ~ AB = 2
A = 5 ~ |A| = 5
x = 5 ~ 5 = y
x = 5 ~ 5 \approx y
x = 5 ~ y = 5, y = 5
x = 5 ~ y = 5, z = 5
x = 5 ~ \{y = 5\}
x = 4, y = 5 ~ x = 3 = 4, y = 9 = 5
x = 4, y = 5 ~ y = 4 = 5, x = 5 = 4
3, 4 ~ x = 1 = 3, x = 2 = 4
\{1,2\} ~ \{1,2\} \setminus \{2.0\}
5 ~ 5 \setminus 5.0
\emptyset ~ \{1\} \cap \{1.0\}
\emptyset ~ 5 \cap 5.0
5 ~ 5 \text{ or } \emptyset
x < 5 ~ 3 \ne x < 5
(-5,5) ~ -5 < |x| < 3
x > 3 ~ x + x(x-1)(7x-17)(3x+61) > 3
x > -200 ~ \max(x,-100) > -200
x>3 ~ x + \lfloor x^2/1000 \rfloor > 3
5 ~ 5+\infty-\infty
5 ~ \frac{5\infty}{\infty}
5 ~ 5+0\cdot\infty
1 ~ 1^\infty
1 ~ \infty^0
A ~ A + \infty - \infty
1+\sqrt{2} ~ \sqrt{2}+0^0
\sqrt{2}+1 ~ \sqrt{2}+(x-x)^0
1 ~ \gcd()
f(\sqrt{2}) ~ f(\sqrt{2}+10^{-22})
7 ~ 7e-3_{10}
1 ~ 0.\overline{3}_{5}
\begin{pmatrix}1&2\\3&4\end{pmatrix} ~ \begin{vmatrix}1&2\\3&4\end{vmatrix}
\bar{xy}_1 ~ \bar{x y_1}
\pi ~ \varpi
64 ~ 2^3^2
\overline{AB} ~ \overline{CD}
\overline{AB} ~ \overline{A}
\overline{A+B} ~ \overline{AB}
\bar{(1,2)} ~ \bar{(1,3)}
\bar{(1,2)} ~ \bar{[1,2]}
\hat{\bar{x}} ~ \bar{\hat{x}}
\bar{x=5} ~ \bar{x<5}
\bar{\begin{pmatrix}1&2\end{pmatrix}} ~ \bar{\begin{pmatrix}1\\2\end{pmatrix}}
x<y ~ x\le y
x<y<z ~ x<z<y
2x\in A ~ x\in A
x^2<4 ~ x^2>4
x^2<4 ~ x^2<4, x>0
1/x<1 ~ 1<x
(1,3)\cap(2,5) ~ (1,3)\cap(1,5)
(1,3)\cap(2,5) ~ (1,3)\cup(2,5)
[0,1)\cup(1,2] ~ [0,2]
[0,1]\cup[2,3] ~ [0,3]
[0,2] ~ [0,1]\cup(1+10^{-30},2]
(0,2]\cup(0,1] ~ [0,2]
[0,2)\cup[1,2) ~ [0,2]
|x|<2 ~ x<2
|x|>2 ~ x>2
-2x<6 ~ x<-3
|2x-1|\ge 3 ~ (-\infty,-2]\cup[1,\infty)
x\in\mathbb{R} ~ x\in\mathbb{Z}
x<a ~ x<b
x\ne 1 ~ x\ne 2
x<3 ~ 3
(-\infty,3) ~ \text{yes}
x=3,x=4 ~ x=3,y=4
x=3,x=4 ~ y=3,y=4
x=3,y=4 ~ x=3,z=4
x=3,y=4 ~ x=3
\{1,2\} ~ (1,2)
1,2 ~ (1,2,3)
1,2 ~ [1,2)
(1,2) ~ 1
(1,2) ~ (1,2,3)
(1,2) ~ [1,2]
1 ~ (1,2)
\{1,2\}\cup\{3\} ~ \{1,2\}
\{1,2,3\}\setminus\{3\} ~ \{1,2,3\}
1:2:3 ~ 1:2
1:2:3 ~ 2:4:5
1:2:3 ~ 6
2 ~ 2:1
53 ~ 204_5
2 ~ 10_1
5 ~ 5_2
\frac{1}{3} ~ 0.333334
x ~ 0.333333
\sqrt{2} ~ 1.414215
\begin{pmatrix}2&4\\6&9\end{pmatrix} ~ 2\begin{pmatrix}1&2\\3&4\end{pmatrix}
\begin{pmatrix}1&2\\3&4\end{pmatrix} ~ \begin{pmatrix}1&3\\2&4\end{pmatrix}
\begin{pmatrix}1\\2\end{pmatrix} ~ \begin{pmatrix}1\\2\end{pmatrix}+1
\begin{pmatrix}1\\2\end{pmatrix} ~ \begin{pmatrix}1\\2\end{pmatrix}+\begin{pmatrix}0&0\end{pmatrix}
\begin{pmatrix}1\\2\end{pmatrix} ~ \begin{pmatrix}1\\2\end{pmatrix}\begin{pmatrix}1\\1\end{pmatrix}
\begin{pmatrix}1\\2\end{pmatrix} ~ -(1,2)+\begin{pmatrix}1\\2\end{pmatrix}
\begin{pmatrix}1\\2\end{pmatrix} ~ \sin\begin{pmatrix}1\\2\end{pmatrix}
\begin{pmatrix}39\\17\end{pmatrix} ~ \begin{pmatrix}1&2\\3&4\end{pmatrix}\begin{pmatrix}5\\6\end{pmatrix}
1 ~ \frac{1}{\sqrt{2}-\sqrt{2}}
1 ~ (\sqrt{2}-\sqrt{2})^{-\sqrt{2}}
1 ~ \ln(\sqrt{2}-\sqrt{2})
x ~ x+\frac{1}{y-y}
x ~ x+0^{-1}
x ~ x+(y-y)^{0}
\ln i ~ -\frac{i\pi}{2}
\sqrt[3]{-\sqrt{2}} ~ \sqrt[6]{2}
\sin(i) ~ \sinh(1)
\lfloor\sqrt{2}\rfloor ~ 2
\lceil\sqrt{2}\rceil ~ 1
\max(\sqrt{2},\sqrt{3}) ~ \sqrt{2}
\gcd(12,18) ~ 3
17\bmod 5 ~ 3
3 ~ 5\bmod 0
1 ~ (-1)!
1 ~ \binom{2}{3}
1 ~ \binom{2}{-1}
\sqrt{2} ~ -\sqrt{2}
i ~ -i
a_1 ~ a_2
a_{n+1} ~ a_{n-1}
f'(x) ~ f(x)
(x+1)(x+2)=0 ~ x^2+3x+3=0
x+y=2 ~ x+y+z=2
x+y=2 ~ 2
AB=5 ~ CD=5
5\text{ m/s} ~ 5\text{ m/s}^2
3\text{ m}^2 ~ 3\text{ m}
3\text{ m}^2 ~ 3\text{ m}^3
5\text{ m/s} ~ 5\text{ km/h}
5 ~ 5, 6
5 ~ 5 5
x ~ x'
x\equiv 1 ~ x\equiv 2
(a,b)\cup(c,d) ~ (a,b)\cup(c,e)
|x|\ne 1 ~ |x|\ne 2
f(\pi)+\pi<1 ~ f(\pi)+\pi<2
ax<1 ~ bx<1
x<5 ~ 5>x<3
x<5 ~ x<3<5
\text{speed}=5 ~ \text{time}=5
1,x=2 ~ 1,3
5 ~ 0^{-1}
\sqrt{f(x)} ~ \sqrt{f(y)}
\{(1,\pm 2)\} ~ (1,2),(1,2)
\{\pm 5\text{ cm}\} ~ 5
1,22 ~ 1.23
5 ~ The value is f(5)
4^{16385} ~ 2^{4096}\cdot2^{4096}\cdot2^{4096}\cdot2^{4096}\cdot2^{4096}\cdot2^{4096}\cdot2^{4096}\cdot2^{4096}
x+y=2 ~ \frac{x}{y-y}=2
-5 ~ The result is x - 5
-5 ~ The result is x -5
0 ~ e^{-100}
0 ~ \sqrt{2}\cdot 10^{-40}
\sqrt{2} ~ \sqrt{2}\cdot 10^{-30}
1+i ~ (1+i)\sqrt{2}\cdot(\frac{1}{10^{20}}+\frac{i}{10^{10}})
1 ~ e^{201}
""".strip().splitlines()

OPEN = r"""
y = 2x ~ y\frac{\sqrt{x^2+1}}{\sqrt{x^2+1}} = 2x
\frac{x}{y} = 5 ~ (x,y) = 5
\{1,2\} ~ \{1,2\} \setminus \{\frac42\}
\{1,2\} ~ \{1,2\} \setminus \mathbb{Z}
\{1,2\} ~ \{1,2\} \setminus x
\emptyset ~ \mathbb{Z} \cap \mathbb{N}
5 ~ 5\gcd(x)
\int_0^1 f(x) dx ~ \int^0_1 f(x) dx
\frac{\pi^2}{6} ~ \sum_{k=1}^{\infty}\frac{1}{k^2}
\frac12 ~ \int_0^1 x\,dx
1 ~ \lim_{x\to 0}\frac{\sin x}{x}
2 ~ \binom{-1}{2}
0 ~ e^{-100+i}
\sqrt{2} ~ \sqrt{2}+\pi\cdot 10^{-20}\cdot 10^{-20}
0 ~ e^{-\sqrt{10001}}
0 ~ ie^{-\sqrt{10001}}
0 ~ i\sqrt{2}\cdot\frac{1}{10^{20}}\cdot\frac{1}{10^{20}}
i ~ i\sqrt{2}\cdot\frac{1}{10^{20}}\cdot\frac{1}{10^{10}}
0 ~ \sqrt{2}\cdot\frac{1}{10^{20}}\cdot\frac{1}{10^{20}}
\sqrt{2} ~ \sqrt{2}\cdot 0.0000000000000000000000000000000000000001
1 ~ e^{\sqrt{40402}}
x+y=2 ~ x\sin(10^7)+y=2
1 ~ \sin(10^7)
1 ~ \sqrt{2}^{20001}
1 ~ \lfloor i\rfloor
""".strip().splitlines()


@pytest.mark.parametrize("pair", EQUAL)
def test_equal(pair):
    gold, _, answer = pair.partition(" ~ ")
    assert decide(gold, answer).equal is True


@pytest.mark.parametrize("pair", DIFFERENT)
def test_different(pair):
    gold, _, answer = pair.partition(" ~ ")
    assert decide(gold, answer).equal is False


@pytest.mark.parametrize("pair", OPEN)
def test_left_to_symbolic_algebra(pair):
    gold, _, answer = pair.partition(" ~ ")
    assert decide(gold, answer).equal is None


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("1", "1" + r"\pm1" * 5),
        ("x", "-" * 31 + "x"),
        ("x", "x" + "^'" * 9),
        ("x", "x" + "^2" * 40),
        ("x", "x" + "!" * 9),
        ("1", r"\binom{100000}{50000}"),
        ("1", "1.5e500"),
        ("1", "+".join(rf"\cos({k})" for k in range(130))),
        ("1", r"\int_0^1 " + "+".join(["x"] * 300)),
        ("1", r"\sqrt{2}+" + "1" * 350),
        ("1", r"\sqrt{2}\cdot10^{30}"),
        ("1", "; ".join(map(str, range(201)))),
        (r"\{1\}", r"\cup".join([r"\{2\}"] * 260)),
        (r"\begin{pmatrix}1\end{pmatrix}", r"\begin{pmatrix}" + r"\\".join(["1&" * 20 + "1"] * 21) + r"\end{pmatrix}"),
    ],
)
def test_what_is_above_a_cap_is_wrong_for_that_reason(gold, answer):
    verdict = decide(gold, answer)
    assert verdict.equal is False and verdict.reason == "limit"


def test_a_text_above_the_cap_is_not_read():
    with pytest.raises(LimitExceeded, match="4002 characters"):
        read("x+" * 2001)


@pytest.mark.parametrize(
    "text",
    [
        r"0.\overline{x}",
        r"\begin{cases}1\end{cases}",
        r"\begin{array}{cc",
        r"\begin{pmatrix}1&2\\3\end{pmatrix}",
        "x^{}",
        "1.5_2",
        "(x+1)_2",
        "(x+1)'",
        "(1,2",
    ],
)
def test_what_is_not_in_the_grammar_is_unreadable(text):
    with pytest.raises(Unreadable):
        read(text)


def test_a_strict_format_may_be_trained_on_and_a_lenient_one_may_not():
    assert is_strict("boxed") and is_strict("r1_zero:choice")
    assert not is_strict("lenient")


def test_an_answer_that_is_announced_and_not_given_is_none():
    assert lenient_answer("The answer is **.") is None


def test_long_sets_are_compared_by_the_values_of_their_numbers():
    gold = ",".join(rf"\frac{{{2 * k + 1}}}{{2}}" for k in range(13))
    halves = [f"{k}.5" for k in range(13)]
    assert decide(gold, ",".join(reversed(halves))).equal is True
    assert decide(gold, ",".join([*halves[:-1], "13.5"])).equal is False
